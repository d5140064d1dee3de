"""The service's use cases. Each opens its one transaction."""
