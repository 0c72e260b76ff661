"""GraphQL over WebSocket; imported by `api.app` only."""
