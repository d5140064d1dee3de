"""Errors of the authoring plugin; every message explains the fix."""

from ..shared.errors import DiscussionError


class DeskError(DiscussionError):
    """Something that an author must fix in a text or in a setting."""


class ProofError(DeskError):
    """Articles have broken links; the message lists every one, a line each."""
