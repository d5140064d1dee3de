"""Pure rendering: discussions, feeds, sitemap and JSON-LD."""
