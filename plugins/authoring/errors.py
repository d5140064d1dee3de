"""Errors of the authoring plugin; every message explains the fix."""

from ..shared.errors import DiscussionError


class AuthoringError(DiscussionError):
    """Something that an author must fix in a text or in a setting."""


class ProofError(AuthoringError):
    """Articles have broken links; the message lists every one, a line each."""
