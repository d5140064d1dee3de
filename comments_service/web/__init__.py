"""HTTP routes: readers' pages, the moderation queue and the site side's API."""
