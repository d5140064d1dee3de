"""Parses and builds the query string of the queue: filter, order, cursor."""

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
# Values of the form field `list` on the page of one reply and on the history page.
REPLY, HISTORY = "reply", "history"
# Maximum length of a field, in characters.
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
    """A parsed query. `typed` (input) and `problems` (error messages) are by form field."""

    what: Filter
    typed: dict[str, str]
    problems: dict[str, str]

    @property
    def state(self) -> str:
        """The name of the status, or `any`."""
        return self.what.status or ANY

    def address(self, **more: str) -> str:
        """Return the query string of this view. `more` replaces parameters; "" removes one."""
        parts = {"status": self.state, **self.typed, **more}
        return urlencode({name: value for name, value in parts.items() if value})


def read(given: Mapping[str, str]) -> View | None:
    """Parse a query or form; None if its status does not exist."""
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
    """Parse the query string in a form's `list` field; {} if it is invalid."""
    try:
        return dict(parse_qsl(text[:4000], max_num_fields=30))
    except ValueError:
        return {}


def list_address(form: Mapping[str, str], **more: object) -> str:
    """Return the address of the list in the form's `list` field, with `more` parameters."""
    view = read(query_of(form.get("list", ""))) or read({})
    assert view is not None  # noqa: S101 - {} is valid: pending replies
    return f"{QUEUE}?" + view.address(**{name: str(value) for name, value in more.items()})


def reply_address(public_id: str, **more: object) -> str:
    """Return the address of a reply's page in the queue, with parameters added."""
    query = urlencode(more)
    return f"/moderate/replies/{public_id}" + (f"?{query}" if query else "")


def sent_with(request: Request) -> Mapping[str, str]:
    """Return the fields of the posted form; for a GET, the query parameters."""
    form: Mapping[str, str] = getattr(request.state, "form", request.query_params)
    return form


def way_back(form: Mapping[str, str], public_id: str = "", **more: object) -> str:
    """Return the page that a form about a reply was sent from: the reply's page or a list."""
    if form.get("list") == REPLY and public_id.isalnum():
        return reply_address(public_id, **more)
    return list_address(form, **more)


def in_words(view: View) -> str:
    """Describe the view in English, for instance `pending replies with “casino”`."""
    state = "replies in every state" if view.what.status is None else f"{view.what.status} replies"
    phrases = {
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
    parts = [phrases[name].format(view.typed[name]) for name in phrases if name in view.typed]
    return " ".join([state, *parts])


def cursor(value: str | None) -> Cursor | None:
    """Parse the cursor of a page; None is the first page. Raises `ValueError`."""
    if value is None:
        return None
    match = re.fullmatch(r"([0-9]{1,11}\.[0-9]{6})-([0-9]{1,15})", value)
    if match is None:
        raise ValueError(value)
    return Cursor(datetime.fromtimestamp(float(match[1]), UTC), int(match[2]))


def cursor_of(at: datetime, row_id: int) -> str:
    """Format a cursor for `cursor` to parse."""
    return f"{at.timestamp():.6f}-{row_id}"
