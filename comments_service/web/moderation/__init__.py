"""Pages for editors and admins, under `/moderate/`."""
