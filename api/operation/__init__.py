"""An operation from its text to its result: limits, caches and execution; imported by the schema and the transports."""
