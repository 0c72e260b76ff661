"""Connections to Postgres, migrations, and arrays in its binary form; imported by every room of `db` that has SQL."""
