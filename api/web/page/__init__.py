"""Pages for people: each is a GraphQL document and a template that sees only the document's answer."""
