"""What the queue's address says: a filter, its order, where a page begins; and back again."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request

from comments_service.domain.models import Status
from comments_service.store.queue import Cursor, Filter
from comments_service.web.moderation.date_range import span

ANY = "any"
QUEUE = "/moderate/"
# What a form of the page of one reply has as its `list`, and one of the history.
REPLY, HISTORY = "reply", "history"
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
        for name in (*_TEXTS, "who", "ban", "reason", "since", "until", "order")
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
        who=_number(typed.get("who", "")),
        ban=_number(typed.get("ban", "")),
        newest=typed.get("order") == "newest",
        **values,
    )
    return View(what, typed, problems)


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,15}", text) else None


def query_of(text: str) -> dict[str, str]:
    """Read a list's query, as a form carries it; {} if it is none."""
    try:
        return dict(parse_qsl(text[:4000], max_num_fields=30))
    except ValueError:
        return {}


def list_address(form: Mapping[str, str], **more: object) -> str:
    """Return the list that the editor was looking at, as its form says, with parameters added."""
    view = read(query_of(form.get("list", ""))) or read({})
    assert view is not None  # noqa: S101 - {} asks for the pending ones
    return f"{QUEUE}?" + view.address(**{name: str(value) for name, value in more.items()})


def reply_address(public_id: str, **more: object) -> str:
    """Return the address of a reply's page in the queue, with parameters added."""
    query = urlencode(more)
    return f"/moderate/replies/{public_id}" + (f"?{query}" if query else "")


def sent_with(request: Request) -> Mapping[str, str]:
    """Return the fields of a form that was posted, or else what the address says."""
    form: Mapping[str, str] = getattr(request.state, "form", request.query_params)
    return form


def way_back(form: Mapping[str, str], public_id: str = "", **more: object) -> str:
    """Return where a form about that reply was sent from: its own page, or a list."""
    if form.get("list") == REPLY and public_id.isalnum():
        return reply_address(public_id, **more)
    return list_address(form, **more)


def in_words(view: View) -> str:
    """Say what the view holds, for instance `pending replies with “casino”`."""
    state = "replies in every state" if view.what.status is None else f"{view.what.status} replies"
    said = {
        "q": "with “{}”",
        "name": "by “{}”",
        "who": "from an address that was searched for",
        "author": "from the same address",
        "network": "from the network “{}”",
        "ban": "under ban {}",
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
