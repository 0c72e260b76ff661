"""Who asks, and how much they may ask for: tokens, issuers, expiry, rate limits; imported by all of `api` above it."""
