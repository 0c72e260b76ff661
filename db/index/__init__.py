"""What is recorded: cities, editions, frameworks, scores, printed facts; imported by `db.change` and all above it."""
