"""The API client and the local snapshot of what it received."""
