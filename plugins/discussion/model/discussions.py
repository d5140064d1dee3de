"""Discussions as the site side knows them, parsed and validated from the API's JSON.

No type has a field that could hold an email address; fields that docs/api.md does not list are
dropped.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from ...shared.errors import WireError

ID = re.compile(r"[0-9a-z]{26}")
# An ETag is sent in a header between double quotes.
EPOCH = re.compile(r"[!#-~]{1,200}")
MAX_KEY = 200
# The number of avatars.
AVATARS = 256

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote a reply: a name, and an absolute http(s) URL or None."""

    name: str
    url: str | None


@dataclass(frozen=True, slots=True)
class Comment:
    """One public reply; a placeholder (`removed`) has no author and no HTML. Times are UTC.

    `position` is a top-level reply's permanent place (1, 2, 3 …), by which discussions are divided.
    `pinned` by the editors; `locked`: nobody may answer it, nor what stands below it. `avatar` is
    a random number below `AVATARS`, the same for one name in one discussion; None: it has none.
    """

    id: str
    parent: str | None
    author: Author | None
    html: str
    submitted: datetime
    edited: datetime | None
    editor: bool
    removed: bool
    position: int | None = None
    pinned: bool = False
    locked: bool = False
    avatar: int | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """A summary of a discussion, known without reading its replies.

    `updated` is when a reply was last submitted or edited; `positions` the highest position in use.
    """

    revision: int = 0
    count: int = 0
    updated: str = ""
    positions: int = 0


@dataclass(frozen=True, slots=True)
class Discussion:
    """All public replies of one page, in the order of submission; revision 0: there never was one.

    `open` is the decision of editors or rules about new replies; None leaves it to the article.
    """

    key: str
    revision: int
    comments: tuple[Comment, ...] = ()
    open: bool | None = None

    @property
    def count(self) -> int:
        """The number of public replies, without placeholders."""
        return sum(not comment.removed for comment in self.comments)

    @property
    def summary(self) -> Summary:
        """The discussion's summary."""
        shown = [comment for comment in self.comments if not comment.removed]
        return Summary(
            self.revision,
            len(shown),
            iso(max(one.edited or one.submitted for one in shown)) if shown else "",
            max((one.position or 0 for one in self.comments), default=0),
        )

    @property
    def locked(self) -> frozenset[str]:
        """The ids of all replies that nobody may answer: locked ones and all below them."""
        if not any(one.locked for one in self.comments):
            return frozenset()
        parents = {one.id: one.parent for one in self.comments}
        known: dict[str | None, bool] = {None: False}
        known |= {one.id: True for one in self.comments if one.locked}
        for one in self.comments:
            path: list[str] = []
            current: str | None = one.id
            while current is not None and current not in known:
                path.append(current)
                current = parents[current]
            known |= dict.fromkeys(path, known[current])
        return frozenset(one for one, locked in known.items() if locked and one is not None)

    @property
    def newest(self) -> str:
        """A text that sorts discussions by their newest replies; "" without replies."""
        return max((order(one) for one in self.comments if not one.removed), default="")


@dataclass(frozen=True, slots=True)
class Batch:
    """A page of the service's list of changes; `next` is the cursor for the next request."""

    epoch: str
    latest: int
    next: int
    more: bool
    discussions: tuple[Discussion, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts about an article for feeds and search engines; dates in ISO 8601.

    `authors` are names with absolute or root-relative URLs; what is not `listed` (hidden articles)
    is shown on its own page only. `words` is how many there are, 0 where nobody counted; `image`
    the absolute address of a picture that stands for the article, or "".
    """

    authors: tuple[tuple[str, str], ...] = ()
    published: str = ""
    modified: str = ""
    description: str = ""
    language: str = "en"
    listed: bool = True
    words: int = 0
    image: str = ""

    @property
    def appeared(self) -> str | None:
        """`published` as the API writes times; None if it is unknown or has no zone."""
        try:
            moment = datetime.fromisoformat(self.published)
            return iso(moment) if moment.tzinfo is not None else None
        except (ValueError, OverflowError):
            return None


@dataclass(frozen=True, slots=True)
class Page:
    """A page that takes replies: `url` root-relative or absolute, title and question plain text.

    Of a divided discussion, `page_size` threads stand on each page, the first at `url` and the
    further ones at `replies_url` (a pattern with `{page}`).
    """

    key: str
    url: str
    title: str
    question: str = ""
    open: bool = True
    page_size: int | None = None
    replies_url: str | None = None
    facts: Facts = field(default_factory=Facts)

    def part_url(self, number: int) -> str:
        """The address of that part of the discussion, counted from 1."""
        if number == 1 or self.replies_url is None:
            return self.url
        return self.replies_url.replace("{page}", str(number))


@dataclass(frozen=True, slots=True)
class Reply:
    """A comment at its place in the tree.

    `depth` is 1 at the top level. `in_reply_to` is set only where nesting stopped at the limit, so
    that the place in the tree does not tell which reply is answered.
    """

    comment: Comment
    depth: int
    in_reply_to: Comment | None
    children: tuple[Reply, ...]


def key_problem(key: str) -> str | None:
    """Return what is wrong with a page key by the API's rules, or None."""
    if not 1 <= len(key) <= MAX_KEY:
        return f"has {len(key)} characters, not 1 to {MAX_KEY}"
    if key in {".", ".."}:
        return "is a relative path"
    if "/" in key:
        return "contains /"
    if key.isascii() and key.isprintable() and " " not in key:
        return None
    # Separators (Z*) are white space; others (C*) are control, format and unpaired characters. Some
    # scripts need the format characters (Cf).
    if any(c.isspace() or unicodedata.category(c) in {"Cc", "Cs", "Zs", "Zl", "Zp"} for c in key):
        return "contains white space or control characters"
    return None


def read_batch(data: object) -> Batch:
    """Parse the response of `changes`; WireError says what is wrong and where."""
    fields = _object(data, "answer")
    epoch = _text(fields, "epoch", "answer")
    if not EPOCH.fullmatch(epoch):
        raise WireError("answer.epoch: expected 1 to 200 printable ASCII characters without quotes")
    discussions = _list(fields, "discussions", "answer")
    return Batch(
        epoch=epoch,
        latest=_number(fields, "latest", "answer"),
        next=_number(fields, "next", "answer"),
        more=_flag(fields, "more", "answer"),
        discussions=tuple(
            read_discussion(item, f"discussions[{i}]") for i, item in enumerate(discussions)
        ),
    )


def read_discussion(data: object, where: str = "discussion") -> Discussion:
    """Parse one discussion; WireError says what is wrong and where."""
    fields = _object(data, where)
    key = _text(fields, "key", where)
    if problem := key_problem(key):
        raise WireError(f"{where}.key: {problem}")
    items = _list(fields, "comments", where)
    comments = tuple(_comment(item, f"{where}.comments[{i}]") for i, item in enumerate(items))
    _check_parents(comments, where)
    return Discussion(
        key, _number(fields, "revision", where), comments, _decided(fields, "open", where)
    )


def write_discussion(discussion: Discussion) -> str:
    """Serialise a discussion as the API does; `read_discussion(json.loads(...))` parses it."""
    return json.dumps(
        {
            "key": discussion.key,
            "revision": discussion.revision,
            "open": discussion.open,
            "comments": [comment_json(comment) for comment in discussion.comments],
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )


def page_json(page: Page) -> dict[str, Any]:
    """Serialise a page for the API and the manifest."""
    data: dict[str, Any] = {
        "key": page.key,
        "url": page.url,
        "title": page.title,
        "question": page.question,
        "open": page.open,
    }
    if page.page_size is not None:
        data |= {"page_size": page.page_size, "replies_url": page.replies_url}
    return data


def read_page(data: object, where: str = "page") -> Page:
    """Parse the result of `page_json`; WireError says what is wrong and where."""
    fields = _object(data, where)
    key = _text(fields, "key", where)
    if problem := key_problem(key):
        raise WireError(f"{where}.key: {problem}")
    return Page(
        key=key,
        url=_text(fields, "url", where),
        title=_text(fields, "title", where),
        question=_text(fields, "question", where),
        open=_flag(fields, "open", where),
        page_size=_number(fields, "page_size", where) if "page_size" in fields else None,
        replies_url=_text(fields, "replies_url", where) if "page_size" in fields else None,
    )


def order(comment: Comment) -> str:
    """Return a text that sorts replies by time of submission, then by id."""
    return f"{comment.submitted:%Y-%m-%dT%H:%M:%S.%f} {comment.id}"


def nest(discussion: Discussion, max_depth: int = 4) -> tuple[Reply, ...]:
    """Build the tree of replies; deeper ones than `max_depth` (at least 1) are flat there.

    Siblings keep the API's order. No step recurses: 10,000 replies may be 10,000 deep.
    """
    if max_depth < 1:
        raise ValueError(f"max_depth is {max_depth}, not 1 or more")
    by_id = {comment.id: comment for comment in discussion.comments}
    # The parent of each comment in the tree, and its depth.
    places: dict[str, tuple[str | None, int]] = {}
    flattened: set[str] = set()
    for comment in discussion.comments:
        waiting: list[Comment] = []
        current: Comment | None = comment
        # A reply may come before its parent (after imports), so walk up to a known one.
        while current is not None and current.id not in places:
            waiting.append(current)
            current = by_id[current.parent] if current.parent is not None else None
        for child in reversed(waiting):
            if child.parent is None:
                places[child.id] = (None, 1)
                continue
            above, depth = places[child.parent]
            if depth < max_depth:
                places[child.id] = (child.parent, depth + 1)
            else:
                places[child.id] = (above, max_depth)
                flattened.add(child.id)
    levels: defaultdict[int, list[Comment]] = defaultdict(list)
    for comment in discussion.comments:
        levels[places[comment.id][1]].append(comment)
    below: defaultdict[str | None, list[Reply]] = defaultdict(list)
    for depth in range(len(levels), 0, -1):
        # From the deepest level up, so that children are complete when their parent is made.
        made = [
            (
                places[comment.id][0],
                Reply(
                    comment,
                    depth,
                    by_id[comment.parent] if comment.parent and comment.id in flattened else None,
                    tuple(below.pop(comment.id, ())),
                ),
            )
            for comment in levels[depth]
        ]
        for above, reply in made:
            below[above].append(reply)
    return tuple(below[None])


def iso(moment: datetime) -> str:
    """RFC 3339 in UTC with `Z`, fractions of a second kept when there are any."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def _comment(data: object, where: str) -> Comment:
    fields = _object(data, where)
    identifier = _identifier(_text(fields, "id", where), f"{where}.id")
    parent = _optional(fields, "parent", str, where)
    if parent is not None:
        _identifier(parent, f"{where}.parent")
    removed = _flag(fields, "removed", where)
    author = _author(_required(fields, "author", where), f"{where}.author")
    html = _text(fields, "html", where)
    if removed and (author is not None or html):
        raise WireError(f"{where}: a removed reply must have no author and no html")
    if not removed and author is None:
        raise WireError(f"{where}.author: expected an object, got null")
    edited = _optional(fields, "edited", str, where)
    return Comment(
        id=identifier,
        parent=parent,
        author=author,
        html=html,
        submitted=_time(_text(fields, "submitted", where), f"{where}.submitted"),
        edited=None if edited is None else _time(edited, f"{where}.edited"),
        editor=_flag(fields, "editor", where),
        removed=removed,
        position=_position(fields, where),
        pinned=bool(_decided(fields, "pinned", where)),
        locked=bool(_decided(fields, "locked", where)),
        avatar=_avatar(fields, where),
    )


def comment_json(comment: Comment) -> dict[str, Any]:
    """Parse a reply of the API."""
    author = comment.author
    return {
        "id": comment.id,
        "parent": comment.parent,
        "author": None if author is None else {"name": author.name, "url": author.url},
        "html": comment.html,
        "submitted": iso(comment.submitted),
        "edited": None if comment.edited is None else iso(comment.edited),
        "editor": comment.editor,
        "removed": comment.removed,
        "position": comment.position,
        "pinned": comment.pinned,
        "locked": comment.locked,
        "avatar": comment.avatar,
    }


def _position(fields: dict[str, Any], where: str) -> int | None:
    # Services of version 0.1 and older snapshots call it a slot. Without one, a reply is on the
    # article's own page.
    name = "position" if "position" in fields else "slot"
    return None if fields.get(name) is None else _number(fields, name, where)


def _avatar(fields: dict[str, Any], where: str) -> int | None:
    # Null for a placeholder, and for replies from before avatars.
    if fields.get("avatar") is None:
        return None
    number = _number(fields, "avatar", where)
    if not 0 <= number < AVATARS:
        raise WireError(f"{where}.avatar: expected a number from 0 to {AVATARS - 1}, got {number}")
    return number


def _decided(fields: dict[str, Any], name: str, where: str) -> bool | None:
    # Older services do not send these decisions.
    return None if fields.get(name) is None else _flag(fields, name, where)


def _author(data: object, where: str) -> Author | None:
    if data is None:
        return None
    fields = _object(data, where)
    url = _optional(fields, "url", str, where)
    if url is not None:
        _encodable(url, f"{where}.url")
        # It becomes a link: anything but http(s) could be a script.
        if not re.match(r"https?://[^\s/]", url, re.IGNORECASE):
            raise WireError(f"{where}.url: expected an absolute http(s) URL or null")
    return Author(_text(fields, "name", where), url)


def _check_parents(comments: Sequence[Comment], where: str) -> None:
    """Check that every parent is in the list and that there is no cycle."""
    parents: dict[str, str | None] = {}
    for i, comment in enumerate(comments):
        if comment.id in parents:
            raise WireError(f"{where}.comments[{i}].id: the same id twice")
        parents[comment.id] = comment.parent
    grounded: set[str] = set()
    for i, comment in enumerate(comments):
        path: set[str] = set()
        current: str | None = comment.id
        while current is not None and current not in grounded:
            if current not in parents:
                raise WireError(f"{where}.comments[{i}].parent: not in this discussion")
            if current in path:
                raise WireError(f"{where}.comments[{i}].parent: a reply to itself")
            path.add(current)
            current = parents[current]
        grounded |= path


def _object(data: object, where: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise WireError(f"{where}: expected an object, got {_kind(data)}")
    return data


def _required(fields: dict[str, Any], name: str, where: str) -> Any:
    if name not in fields:
        raise WireError(f"{where}.{name}: missing")
    return fields[name]


def _value(fields: dict[str, Any], name: str, kind: type[T], where: str) -> T:
    value = _required(fields, name, where)
    # In Python True is an int, in JSON it is no number.
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise WireError(f"{where}.{name}: expected {_NAMES[kind]}, got {_kind(value)}")
    return value


def _optional(fields: dict[str, Any], name: str, kind: type[T], where: str) -> T | None:
    return None if _required(fields, name, where) is None else _value(fields, name, kind, where)


def _text(fields: dict[str, Any], name: str, where: str) -> str:
    return _encodable(_value(fields, name, str, where), f"{where}.{name}")


def _number(fields: dict[str, Any], name: str, where: str) -> int:
    number = _value(fields, name, int, where)
    # SQLite stores 64 bits.
    if not 0 <= number < 2**63:
        raise WireError(f"{where}.{name}: expected a number from 0 to 2^63 - 1")
    return number


def _flag(fields: dict[str, Any], name: str, where: str) -> bool:
    return _value(fields, name, bool, where)


def _list(fields: dict[str, Any], name: str, where: str) -> list[Any]:
    value: list[Any] = _value(fields, name, list, where)
    return value


def _identifier(text: str, where: str) -> str:
    if not ID.fullmatch(text):
        raise WireError(f"{where}: expected 26 characters 0-9 and a-z")
    return text


def _encodable(text: str, where: str) -> str:
    """Check for unpaired surrogates: JSON can contain them, UTF-8 cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise WireError(f"{where}: contains an unpaired surrogate") from None
    return text


def _time(text: str, where: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise WireError(f"{where}: a time without its zone")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise WireError(f"{where}: expected an RFC 3339 time") from None


_NAMES: dict[type, str] = {
    str: "text",
    int: "a number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
}


def _kind(value: object) -> str:
    return "null" if value is None else _NAMES.get(type(value), "a fraction")
