"""What a browser is given: the page, downloads, guides and GraphiQL; imported by the application only."""
