"""Plans: how graphql-core executes a selection for many cities at once; imported by the schema and by
`api.operation`.
"""
