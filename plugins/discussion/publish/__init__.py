"""Incremental publishing into a built site."""
