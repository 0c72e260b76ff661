"""The GraphQL types, one file a noun; imported by the schema's roots and mutations, and in circles by each other."""
