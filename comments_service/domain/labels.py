"""English labels of hold reasons, actions and event fields, for the queue and the audit log."""

from datetime import datetime

from comments_service.domain.models import Status

# Sentences for the codes of hold reasons. A stored reason may have a detail after a colon, which is
# shown after the sentence ("word:casino").
REASONS = {
    "all": "Every reply waits for an editor",
    "disputed": "Two HTML parsers read its markup differently: look at the text, not only the page",
    "bidi": "It has characters that change the direction of the text around them",
    "own-address": "Its text contains its author's email address, so it cannot be published",
    "private": "It contains a reader's email or IP address, so it cannot be published",
    "digest": "It has a number that could be a hash of somebody's address: look before publishing",
    "links": "Number of its links, enough to be held",
    "word": "It has a word that holds a reply",
    "reject-word": "It has a word that rejects a reply",
    "banned-word": "It has a word that is banned",
    "banned-address": "Its author's email address is banned",
    "banned-network": "It came from a network that is banned",
    "edited": "Its author changed it after it was published",
    "author_request": "Change request",
}


def reason_in_words(reason: str) -> str:
    """Return the sentence for a stored reason, with its detail if it has one.

    >>> reason_in_words("word:casino")
    'It has a word that holds a reply: casino'
    """
    code, _, detail = reason.partition(":")
    sentence = REASONS.get(code, code)
    return f"{sentence}: {detail}" if detail else sentence


# The status that each action gives to a reply.
ACTIONS = {
    "approve": Status.APPROVED,
    "spam": Status.SPAM,
    "trash": Status.TRASH,
    "pending": Status.PENDING,
}
# The same actions as an editor chooses them.
ACTION_LABELS = {
    "approve": "Approve",
    "pending": "Move back to pending",
    "spam": "Mark as spam",
    "trash": "Move to trash",
}
# Past tense of each action, for the audit log.
DONE = {
    "submit": "Submitted",
    "approve": "Approved",
    "spam": "Marked as spam",
    "trash": "Moved to trash",
    "pending": "Moved back to pending",
    "undo": "Undone",
    "edit": "Edited",
    "remove": "Removed by its author",
    "ask": "Change requested by the author",
    "settle": "Change request marked as done",
    "tell": "Told its author why",
    "reply": "Answered",
    "pin": "Pinned",
    "unpin": "Unpinned",
    "lock": "Locked",
    "unlock": "Unlocked",
    "open": "Opened for replies",
    "close": "Closed for replies",
    "article": "Left to the article",
    "erase": "Erased for good",
    "remove-demo": "Removed the samples",
    "render": "Rendered again after an update",
    "settings": "Changed the rules",
    "ban": "Banned",
    "lift-ban": "Lifted a ban",
    "invite": "Invited an editor",
    "withdraw": "Withdrew an invitation",
    "join": "Became an editor",
    "role": "Changed an editor's role",
    "disable": "Disabled an editor",
    "enable": "Enabled an editor again",
}

# The same as a clause about one reply, as in "Olaf marked this as spam".
_CLAUSES = {
    "approve": "approved this",
    "spam": "marked this as spam",
    "trash": "moved this to trash",
    "pending": "moved this back to pending",
    "undo": "undid an action on this",
    "edit": "edited this",
    "remove": "removed this",
    "ask": "requested a change of this",
    "settle": "marked the change request as done",
    "tell": "sent a message to the author of this",
    "reply": "wrote this reply",
    "pin": "pinned this",
    "unpin": "unpinned this",
    "lock": "locked this",
    "unlock": "unlocked this",
}


def said(actor: str, action: str, at: datetime) -> str:
    """Return a sentence about who did what to a reply and when (UTC).

    >>> from datetime import UTC
    >>> said("Olaf", "spam", datetime(2026, 11, 28, 5, 3, tzinfo=UTC))
    'Olaf marked this as spam at 05:03 UTC.'
    """
    clause = _CLAUSES.get(action, f"changed this ({DONE.get(action, action).lower()})")
    return f"{actor} {clause} at {at:%H:%M} UTC."


# Labels of the keys that `before` and `after` of an event can have.
FIELDS = {
    "status": "State",
    "text": "Text",
    "author_name": "Name",
    "author_url": "Website",
    "reasons": "Why it was held",
    "author_request": "Change request",
    "decline_reason": "Reason given to its author",
    "pinned": "Pinned",
    "locked": "Thread locked",
    "opened": "Open for replies",
    "replies": "Number of replies",
    "editor": "Number of the editor",
    "name": "Name",
    "email": "Email",
    "role": "Role",
    "state": "Access",
    "ban": "Number of the ban",
    "kind": "Kind of ban",
    "lifted": "Lifted",
    "hold_all": "Hold every reply",
    "trust_verified": "Trust confirmed addresses that had a reply approved",
    "hold_links": "Number of links that hold a reply",
    "hold_words": "Words that hold a reply",
    "reject_words": "Words that reject a reply",
    "close_after_days": "Days until a discussion closes",
    "keep_network": "Kept of the network",
    "network_days": "Days that the network is kept",
}
