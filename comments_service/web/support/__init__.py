"""Shared by the web packages: forms, headers, rendering, limits, background tasks."""
