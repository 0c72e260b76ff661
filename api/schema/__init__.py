"""The GraphQL schema: its roots, mutations and types; imported by `api.app`, the command and pages."""
