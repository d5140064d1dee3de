"""Domain logic and types of the service, without SQL and HTTP."""
