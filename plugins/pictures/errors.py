"""The error of the pictures plugin."""

from __future__ import annotations

from ..shared.errors import DiscussionError


class PictureError(DiscussionError):
    """A picture cannot be read; the message names the text and the file."""
