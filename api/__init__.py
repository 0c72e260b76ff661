"""The index over GraphQL: HTTP, WebSocket and server-sent events, and the `sci` command."""
