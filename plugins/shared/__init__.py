"""Helpers that every plugin may use: atomic files, errors, progress, settings."""
