"""From recorded scores to a stored ranking and its event; imported by `workers`, `api` and `db.dataset`."""
