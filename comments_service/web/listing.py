"""What the queue's address says: a filter, its order, where a page begins; and back again."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import urlencode

from comments_service.store.queue import Cursor, Filter
from comments_service.tables import Status
from comments_service.web.days import span

ANY = "any"
# Characters of one field.
_LONGEST = 200
_TEXTS = {"q": "words", "name": "name", "author": "author", "network": "network", "page": "page"}
NAMES = {
    "pending": "Pending",
    "approved": "Approved",
    "spam": "Spam",
    "trash": "Trash",
    ANY: "All",
}


class View(NamedTuple):
    """A list as its address asks for it; `typed` and `problems` are by field of the form."""

    what: Filter
    typed: dict[str, str]
    problems: dict[str, str]

    @property
    def state(self) -> str:
        """The state's name, or `any`."""
        return self.what.status or ANY

    def address(self, **more: str) -> str:
        """Return the query of this view, with some parts replaced; "" takes one out."""
        parts = {"status": self.state, **self.typed, **more}
        return urlencode({name: value for name, value in parts.items() if value})


def read(given: Mapping[str, str]) -> View | None:
    """Return the view that a query (or a form) asks for; None if there is no such state."""
    state = given.get("status") or Status.PENDING
    if state != ANY and state not in set(Status):
        return None
    typed = {
        name: given.get(name, "").strip()
        for name in (*_TEXTS, "who", "reason", "since", "until", "order")
        if given.get(name, "").strip()
    }
    problems = {
        name: f"Use {_LONGEST} characters or fewer"
        for name, value in typed.items()
        if len(value) > _LONGEST
    }
    values: dict[str, str] = {
        field: typed[name]
        for name, field in _TEXTS.items()
        if name in typed and name not in problems
    }
    days, wrong = span(typed)
    problems |= wrong
    what = Filter(
        status=None if state == ANY else Status(state),
        reason=typed.get("reason", "") if "reason" not in problems else "",
        since=days.get("since"),
        until=days.get("until"),
        who=int(typed["who"]) if re.fullmatch(r"[0-9]{1,15}", typed.get("who", "")) else None,
        newest=typed.get("order") == "newest",
        **values,
    )
    return View(what, typed, problems)


def in_words(view: View) -> str:
    """Say what the view holds, for instance `pending replies with “casino”`."""
    state = "replies in every state" if view.what.status is None else f"{view.what.status} replies"
    said = {
        "q": "with “{}”",
        "name": "by “{}”",
        "who": "from an address that was searched for",
        "author": "from the same address",
        "network": "from the network “{}”",
        "page": "on the article “{}”",
        "reason": "held for “{}”",
        "since": "since {}",
        "until": "until {}",
    }
    parts = [said[name].format(view.typed[name]) for name in said if name in view.typed]
    return " ".join([state, *parts])


def cursor(value: str | None) -> Cursor | None:
    """Return where a page begins; None for the first one. Raises `ValueError`."""
    if value is None:
        return None
    match = re.fullmatch(r"([0-9]{1,11}\.[0-9]{6})-([0-9]{1,15})", value)
    if match is None:
        raise ValueError(value)
    return Cursor(datetime.fromtimestamp(float(match[1]), UTC), int(match[2]))


def cursor_of(at: datetime, row_id: int) -> str:
    """Return what `cursor` reads."""
    return f"{at.timestamp():.6f}-{row_id}"
