"""GraphQL, pages and the `sci` command: what the outside meets; it stands on `db` and never imports `workers`."""
