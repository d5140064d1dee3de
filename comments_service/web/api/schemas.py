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
    """The author of a public reply."""

    name: str
    url: str | None


class Comment(BaseModel):
    """A public reply. `removed` marks a placeholder for a reply that is no longer public."""

    id: str
    parent: str | None
    author: Author | None
    html: str
    submitted: str
    edited: str | None
    editor: bool
    removed: bool
    position: int | None
    pinned: bool
    locked: bool
    avatar: int | None


class Discussion(BaseModel):
    """The public replies to one page, in the order of submission.

    `open` is the decision of editors or rules about new replies; null leaves it to the article.
    """

    key: str
    revision: int
    open: bool | None
    comments: list[Comment]


class Changes(BaseModel):
    """Discussions that changed after a cursor, each complete, lowest revision first."""

    epoch: str
    latest: int
    next: int
    more: bool
    discussions: list[Discussion]


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    # Pydantic would accept a number as seconds since 1970.
    raise ValueError("a time is a text such as 2026-11-23T12:00:00Z")


class PageIn(BaseModel):
    """A page that accepts replies."""

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
        # Browsers read "//host" and "/\\host" as other sites: that would allow open redirects.
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
    """All pages of the site that accept replies."""

    model_config = ConfigDict(extra="forbid")

    pages: list[PageIn] = Field(max_length=100_000)

    @field_validator("pages")
    @classmethod
    def _each_once(cls, value: list[PageIn]) -> list[PageIn]:
        if len({page.key for page in value}) != len(value):
            raise ValueError("each key may be listed once")
        return value


class Candidates(BaseModel):
    """Strings found in a page that look like an email address or a hash of one."""

    model_config = ConfigDict(extra="forbid")

    candidates: list[Annotated[str, Field(max_length=320)]] = Field(max_length=10_000)


class LeakOut(BaseModel):
    """A private candidate: its index in the request, the reply it belongs to, and its kind."""

    position: int
    reply: str
    kind: str


class Found(BaseModel):
    """The candidates that are private."""

    private: list[LeakOut]


class PublishedPage(BaseModel):
    """The revision of the discussion written to a page, and the one verified as served to readers.

    `live` is null if it was not verified.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    key: str = Field(min_length=1, max_length=200)
    written: int = Field(ge=0, lt=2**63)
    live: int | None = Field(default=None, ge=0, lt=2**63)


class StalledPage(BaseModel):
    """A page that cannot be written or is not served to readers, with the reason in English."""

    model_config = ConfigDict(extra="forbid", strict=True)

    key: str = Field(min_length=1, max_length=200)
    why: str = Field(min_length=1, max_length=1000)


class Published(BaseModel):
    """The publisher's progress since its last report or, if `complete`, the state of all pages.

    `epoch` identifies the database of the revisions; `trouble` is any other error.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    epoch: str = Field(min_length=1, max_length=200)
    complete: bool = False
    pages: list[PublishedPage] = Field(max_length=100_000)
    stalled: list[StalledPage] = Field(default=[], max_length=100_000)
    trouble: str | None = Field(default=None, max_length=1000)


class Taken(BaseModel):
    """The number of pages that a report changed, and the pages to verify as a reader sees them."""

    news: int
    unseen: list[str]


class Digests(BaseModel):
    """The publisher's digests of the current article texts, by page key; "" for no text."""

    model_config = ConfigDict(extra="forbid", strict=True)

    texts: dict[_Key, _Digest] = Field(max_length=100_000)


class TextIn(BaseModel):
    """The text of an article without markup; an empty text deletes the stored one."""

    model_config = ConfigDict(extra="forbid", strict=True)

    key: _Key
    digest: _Digest
    text: str = Field(max_length=MAX_TEXT)


class TextsIn(BaseModel):
    """Texts of some articles."""

    model_config = ConfigDict(extra="forbid")

    texts: list[TextIn] = Field(max_length=MAX_TEXTS)


class WantedTexts(BaseModel):
    """The pages whose texts the service needs, and those that are not registered."""

    wanted: list[str]
    unknown: list[str]


class TakenTexts(BaseModel):
    """The pages that are not registered; the texts of the others were stored."""

    unknown: list[str]


class Registered(BaseModel):
    """The numbers of registered and of withdrawn pages."""

    registered: int
    withdrawn: int
