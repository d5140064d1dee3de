"""The error of the cards plugin."""

from __future__ import annotations

from ..shared.errors import DiscussionError


class CardError(DiscussionError):
    """A card cannot be drawn as the settings ask; the message explains the fix."""
