"""What is asked for, accepted and audited, up to the outbox row; imported by `db.ranking`, `api` and `workers`."""
