"""The JSON API that the static site's plugins use."""
