"""The site side of Rejoinder: what runs beside Pelican, and nothing of the service."""
