"""What the web packages share: forms, headers, rendering, limits, background tasks."""
