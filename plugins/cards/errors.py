"""What can go wrong with cards."""

from __future__ import annotations

from ..shared.errors import DiscussionError


class CardError(DiscussionError):
    """A card cannot be drawn as the settings ask; the message says the mend."""
