"""The service's doors: readers' pages, the moderation queue, the site side's API."""
