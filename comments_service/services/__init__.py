"""Use cases of the service; each one is a single database transaction."""
