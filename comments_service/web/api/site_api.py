"""The site side's API (docs/wire.md): discussions, changes with long poll, page registration."""

import asyncio
import hmac
import json
import re
from collections.abc import Callable, Coroutine
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, field_validator
from starlette.concurrency import run_in_threadpool

from comments_service.domain.errors import Conflict, NotFound, Unauthorized
from comments_service.services import privacy
from comments_service.services.pages import the_site
from comments_service.store import article_index, pages, publishing
from comments_service.store.database import Database
from comments_service.store.discussions import PublicComment, public_discussion
from comments_service.store.pages import Page, Registration
from comments_service.store.publishing import Report
from comments_service.web.api.error_schemas import errors
from comments_service.web.support.context import context_of
from comments_service.web.support.forms import read_body
from comments_service.web.support.notifier import Notifier
from comments_service.web.support.pages import iso
from comments_service.web.support.publisher_heartbeat import PublisherHeartbeat

MAX_WAIT_S = 30
# 100,000 pages of ordinary length; more would only fill the memory.
BODY_LIMIT = 33_554_432
# Addresses of the service itself, and what browsers take out of an address.
RESERVED_KEYS = frozenset({"api", "status", "assets", "search", ".", ".."})

# Characters of one article's text, and texts of one call.
MAX_TEXT = 100_000
MAX_TEXTS = 100

_Key = Annotated[str, Field(min_length=1, max_length=200)]
_Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{0,64}$")]

_bearer = HTTPBearer(auto_error=False, description="The setting REJOINDER_API_TOKEN.")


def site_side_only(
    request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> None:
    """Raise `Unauthorized` unless the call carries the site side's token."""
    expected = context_of(request).settings.api_token.get_secret_value()
    token = given.credentials if given is not None else ""
    if not hmac.compare_digest(token.encode(), expected.encode()):
        raise Unauthorized("Send the header “Authorization: Bearer” with REJOINDER_API_TOKEN.")


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


class _SiteSideRoute(APIRoute):
    """Asks for the token and looks at the length before anything of the body is read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            site_side_only(request, await _bearer(request))
            bounded = _Bounded(request.scope, request.receive)
            # Now, because FastAPI would turn "too long" into "not readable".
            await bounded.body()
            return await handle(bounded)

        return guarded


class _Bounded(Request):
    async def body(self) -> bytes:
        if not hasattr(self, "_body"):
            self._body = await read_body(self, BODY_LIMIT)
        return self._body


# The dependency is what puts the token into the OpenAPI description.
router = APIRouter(route_class=_SiteSideRoute, dependencies=[Depends(site_side_only)])


@router.get(
    "/changes",
    response_model=Changes,
    responses={304: {"description": "Nothing new."}, **errors(422)},
)
async def changes(
    request: Request,
    since: Annotated[int, Query(ge=0, le=2**53)] = 0,
    wait: Annotated[float, Query(ge=0, le=MAX_WAIT_S)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Response:
    """Discussions with a revision above `since`; with nothing new, waits up to `wait` seconds."""
    context, presence = context_of(request), _presence(request)
    db = context.db
    bell: Notifier = request.app.state.bell
    known = request.headers.get("if-none-match")
    deadline = asyncio.get_running_loop().time() + wait
    while True:
        if wait:
            # Only the publisher waits; a build takes what there is.
            presence.asked(context.now())
        with bell.listening() as rung:
            answer = await run_in_threadpool(_changes, db, since, limit)
            tag = f'"{answer["epoch"]}:{answer["next"]}"'
            left = deadline - asyncio.get_running_loop().time()
            current = f'"{answer["epoch"]}:{since}"'
            news = answer["discussions"] or answer["latest"] < since
            foreign = known is not None and known != current
            if news or foreign or left <= 0 or bell.closed:
                break
            await rung(left)
    if known == tag and not news:
        return Response(status_code=304, headers={"ETag": tag})
    return _json(answer, tag)


@router.get(
    "/discussions/{key}",
    response_model=Discussion,
    responses={304: {"description": "Unchanged."}, **errors(404)},
)
def discussion(request: Request, key: str) -> Response:
    """One page's discussion."""
    with context_of(request).db.read() as connection:
        site = the_site(connection)
        found = pages.find(connection, site.id, key) if key.isprintable() else None
        if found is None or not found.registered:
            raise NotFound("No page with that key is registered.")
        tag = f'"{site.epoch}:{found.revision}"'
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers={"ETag": tag})
        replies = public_discussion(connection, found.id)
    return _json(_discussion(found, replies), tag)


@router.put("/pages", response_model=Registered, responses=errors(400, 422))
def register(request: Request, body: PagesIn) -> dict[str, int]:
    """Replace the list of pages that take replies; those left out are withdrawn."""
    entries = [
        Registration(**page.model_dump(exclude={"published"}), published_at=page.published)
        for page in body.pages
    ]
    with context_of(request).db.write() as connection:
        site = the_site(connection)
        withdrawn = pages.replace_all(connection, site.id, entries)
    return {"registered": len(entries), "withdrawn": withdrawn}


@router.post("/private", response_model=Found, responses=errors(400, 422))
def private(request: Request, body: Candidates) -> dict[str, list[dict[str, object]]]:
    """Which of these belong to the author of a stored reply; the answer does not repeat them."""
    with context_of(request).db.read() as connection:
        found = privacy.private(connection, body.candidates)
    return {"private": [leak._asdict() for leak in found]}


@router.post("/texts/wanted", response_model=WantedTexts, responses=errors(400, 422))
def wanted_texts(request: Request, body: Digests) -> dict[str, list[str]]:
    """Which articles' texts are others than the service has."""
    with context_of(request).db.read() as connection:
        site = the_site(connection)
        return article_index.wanted(connection, site.id, body.texts)._asdict()


@router.put("/texts", response_model=TakenTexts, responses=errors(400, 422))
def take_texts(request: Request, body: TextsIn) -> dict[str, list[str]]:
    """Keep the texts of articles, so that readers find articles by their words."""
    given = [article_index.Text(one.key, one.digest, one.text) for one in body.texts]
    with context_of(request).db.write() as connection:
        site = the_site(connection)
        return {"unknown": article_index.replace(connection, site.id, given)}


@router.put("/published", response_model=Taken, responses=errors(400, 409, 422))
def published(request: Request, body: Published) -> dict[str, object]:
    """Take in what the publisher wrote, and what it cannot write."""
    context, presence = context_of(request), _presence(request)
    reports = [Report(page.key, page.written, page.live) for page in body.pages]
    stalled = {one.key: one.why for one in body.stalled}
    now = context.now()
    with context.db.write() as connection:
        site = the_site(connection)
        if body.epoch != site.epoch:
            raise Conflict("These revisions are of another database; ask for changes from 0.")
        news = publishing.report(
            connection, site.id, reports, stalled, complete=body.complete, now=now
        )
        unseen = publishing.unseen(connection, site.id) if body.complete else []
    presence.asked(now)
    presence.trouble = body.trouble
    return {"news": news, "unseen": unseen}


def _presence(request: Request) -> PublisherHeartbeat:
    presence: PublisherHeartbeat = request.app.state.presence
    return presence


def _changes(db: Database, since: int, limit: int) -> dict[str, Any]:
    with db.read() as connection:
        site = the_site(connection)
        latest = pages.latest_revision(connection, site.id)
        changed = pages.changed_since(connection, site.id, since, limit + 1)
        shown = changed[:limit]
        discussions = [_discussion(page, public_discussion(connection, page.id)) for page in shown]
    following = shown[-1].revision if shown else min(since, latest)
    return {
        "epoch": site.epoch,
        "latest": latest,
        "next": following,
        "more": len(changed) > limit,
        "discussions": discussions,
    }


def _discussion(page: Page, replies: list[PublicComment]) -> dict[str, Any]:
    ids = {reply.id: reply.public_id for reply in replies}
    return {
        "key": page.key,
        "revision": page.revision,
        "open": page.opened,
        "comments": [_comment(reply, ids) for reply in replies],
    }


def _comment(reply: PublicComment, ids: dict[int, str]) -> dict[str, Any]:
    return {
        "id": reply.public_id,
        "parent": None if reply.parent_id is None else ids[reply.parent_id],
        "author": None if reply.removed else {"name": reply.author_name, "url": reply.author_url},
        "html": reply.html,
        "submitted": iso(reply.submitted_at),
        "edited": None if reply.edited_at is None else iso(reply.edited_at),
        "editor": reply.by_editor,
        "removed": reply.removed,
        "slot": reply.slot,
        "pinned": reply.pinned,
        "locked": reply.locked,
        "avatar": reply.avatar,
    }


def _json(content: Any, tag: str) -> Response:
    # Built by hand from checked rows: validating every reply again would double the cost.
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return Response(body, media_type="application/json", headers={"ETag": tag})
