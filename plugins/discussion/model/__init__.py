"""The site side's data: discussions, site settings, paths, the build manifest."""
