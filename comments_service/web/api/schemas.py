"""The JSON documents of the site side's API (docs/api.md), as OpenAPI describes them."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, field_validator

# Paths of the service's own routes, and path segments that browsers remove.
RESERVED_KEYS = frozenset({"api", "status", "assets", "search", ".", ".."})

# Maximum length of an article's text in characters, and maximum texts per request.
MAX_TEXT = 100_000

MAX_TEXTS = 100

_Key = Annotated[str, Field(min_length=1, max_length=200)]

_Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{0,64}$")]


class Author(BaseModel):
    """Whoever wrote a public reply."""

    name: str
    url: str | None


class Comment(BaseModel):
    """A public reply; `removed` marks the placeholder of one that is public no longer."""

    id: str
    parent: str | None
    author: Author | None
    html: str
    submitted: str
    edited: str | None
    editor: bool
    removed: bool
    slot: int | None
    pinned: bool
    locked: bool
    avatar: int | None


class Discussion(BaseModel):
    """All that is public of one page's discussion, in the order of submission.

    `open` is what editors or rules decided about new replies; null: what the article says.
    """

    key: str
    revision: int
    open: bool | None
    comments: list[Comment]


class Changes(BaseModel):
    """Discussions that changed after a cursor, each whole, lowest revision first."""

    epoch: str
    latest: int
    next: int
    more: bool
    discussions: list[Discussion]


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    # A number would be taken for seconds since 1970.
    raise ValueError("a time is a text such as 2026-11-23T12:00:00Z")


class PageIn(BaseModel):
    """A page that takes replies."""

    model_config = ConfigDict(extra="forbid", strict=True)

    key: str = Field(min_length=1, max_length=200)
    url: str = Field(min_length=1, max_length=2000)
    title: str = Field(min_length=1, max_length=1000)
    question: str = Field(default="", max_length=1000)
    open: bool = True
    page_size: int | None = Field(default=None, ge=1, le=10_000)
    replies_url: str | None = Field(default=None, max_length=2000, pattern=r"\{page\}")
    published: Annotated[AwareDatetime, BeforeValidator(_as_text), Field(strict=False)] | None = (
        None
    )

    @field_validator("key")
    @classmethod
    def _usable_key(cls, value: str) -> str:
        if "/" in value or not value.isprintable() or any(char.isspace() for char in value):
            raise ValueError("a key has no slash, white space or control character")
        if value in RESERVED_KEYS:
            raise ValueError(f"“{value}” is an address of the service itself; choose another key")
        return value

    @field_validator("url", "replies_url")
    @classmethod
    def _usable_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        # Browsers read "//host" and "/\\host" as other sites: a redirect there would be a trap.
        on_site = re.fullmatch(r"/(?![/\\])[^\\]*", value)
        elsewhere = re.match(r"https?://[^/\\]", value)
        try:
            urlsplit(value)
        except ValueError:
            on_site = elsewhere = None
        if not value.isprintable() or not (on_site or elsewhere):
            raise ValueError("a url is a path that begins with one “/”, or an http(s) address")
        return value


class PagesIn(BaseModel):
    """Every page of the site that takes replies."""

    model_config = ConfigDict(extra="forbid")

    pages: list[PageIn] = Field(max_length=100_000)

    @field_validator("pages")
    @classmethod
    def _each_once(cls, value: list[PageIn]) -> list[PageIn]:
        if len({page.key for page in value}) != len(value):
            raise ValueError("each key may be listed once")
        return value


class Candidates(BaseModel):
    """What looks like an email address or a hash of one, found in a page."""

    model_config = ConfigDict(extra="forbid")

    candidates: list[Annotated[str, Field(max_length=320)]] = Field(max_length=10_000)


class LeakOut(BaseModel):
    """One that is private: its position in the question, whose reply, and what it is of them."""

    position: int
    reply: str
    kind: str


class Found(BaseModel):
    """What is private of what was asked."""

    private: list[LeakOut]


class PublishedPage(BaseModel):
    """The revision of the discussion that a page shows, and the one that readers were seen to get.

    `live` is null where nobody looked.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    key: str = Field(min_length=1, max_length=200)
    written: int = Field(ge=0, lt=2**63)
    live: int | None = Field(default=None, ge=0, lt=2**63)


class StalledPage(BaseModel):
    """A page that the publisher cannot write, or that readers do not get, and why, in words."""

    model_config = ConfigDict(extra="forbid", strict=True)

    key: str = Field(min_length=1, max_length=200)
    why: str = Field(min_length=1, max_length=1000)


class Published(BaseModel):
    """What the publisher has done since its last report, or (`complete`) what is so of all pages.

    `epoch` names the database that the revisions are of; `trouble` is what ails it besides.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    epoch: str = Field(min_length=1, max_length=200)
    complete: bool = False
    pages: list[PublishedPage] = Field(max_length=100_000)
    stalled: list[StalledPage] = Field(default=[], max_length=100_000)
    trouble: str | None = Field(default=None, max_length=1000)


class Taken(BaseModel):
    """For how many pages a report was news, and which pages to look at as a reader does."""

    news: int
    unseen: list[str]


class Digests(BaseModel):
    """What the publisher calls the present texts of articles, by page key; "" for none."""

    model_config = ConfigDict(extra="forbid", strict=True)

    texts: dict[_Key, _Digest] = Field(max_length=100_000)


class TextIn(BaseModel):
    """An article's words, without any markup; an empty text takes the page's away."""

    model_config = ConfigDict(extra="forbid", strict=True)

    key: _Key
    digest: _Digest
    text: str = Field(max_length=MAX_TEXT)


class TextsIn(BaseModel):
    """Texts of some articles."""

    model_config = ConfigDict(extra="forbid")

    texts: list[TextIn] = Field(max_length=MAX_TEXTS)


class WantedTexts(BaseModel):
    """Whose texts the service does not have, and which pages are not registered."""

    wanted: list[str]
    unknown: list[str]


class TakenTexts(BaseModel):
    """Which pages are not registered; the others' texts are kept."""

    unknown: list[str]


class Registered(BaseModel):
    """What a registration did."""

    registered: int
    withdrawn: int
