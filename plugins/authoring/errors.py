"""What the desk can refuse; every message says the mend."""

from ..shared.errors import DiscussionError


class DeskError(DiscussionError):
    """Something that an author or a setting must mend."""


class ProofError(DeskError):
    """The articles have links that lead nowhere; the message lists every one, a line each."""
