"""The search's own error; every message explains the fix."""

from ..shared.errors import DiscussionError


class SearchError(DiscussionError):
    """The search index cannot be made."""
