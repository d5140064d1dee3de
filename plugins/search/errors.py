"""The search's own error; every message says the mend."""

from ..shared.errors import DiscussionError


class SearchError(DiscussionError):
    """The search index cannot be made."""
