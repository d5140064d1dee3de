"""Data access: tables and all SQL queries of the service."""
