"""Errors of quick builds besides Pelican's own; every message explains the fix."""


class QuickError(Exception):
    """A quick build failed."""


class SettingsError(QuickError):
    """A QUICK_ setting cannot be used."""


class WorkerError(QuickError):
    """A worker process died or raised; the message names the file it was at."""


class Undigestible(Exception):
    """A value or template that no key can stand for; not an error, what needs it is rendered."""
