"""The service's pure rules and types: no SQL, no HTTP."""
