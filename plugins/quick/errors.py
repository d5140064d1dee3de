"""Errors of quick builds besides Pelican's own; every message explains the fix."""


class QuickError(Exception):
    """A quick build failed."""


class SettingsError(QuickError):
    """A QUICK_ setting cannot be used."""


class WorkerError(QuickError):
    """A worker process died or raised; the message names the file it was at."""


class Undigestible(Exception):
    """A value or template without a cache key; not an error: pages that use it are rendered."""
