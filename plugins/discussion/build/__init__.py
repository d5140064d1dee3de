"""Full builds with Pelican."""
