"""The site side's API (docs/api.md): discussions, changes with long poll, page registration."""

import asyncio
import hmac
import json
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool

from comments_service.domain.errors import Unauthorized
from comments_service.services import site_api
from comments_service.store.article_index import Text
from comments_service.store.database import Database
from comments_service.store.discussions import PublicComment
from comments_service.store.pages import Page, Registration
from comments_service.store.publishing import Report
from comments_service.web.api.error_schemas import errors
from comments_service.web.api.schemas import (
    Candidates,
    Changes,
    Digests,
    Discussion,
    Found,
    PagesIn,
    Published,
    Registered,
    Taken,
    TakenTexts,
    TextsIn,
    WantedTexts,
)
from comments_service.web.support.context import context_of
from comments_service.web.support.forms import read_body
from comments_service.web.support.pages import iso

MAX_WAIT_S = 30
# Bytes. Enough for 100,000 pages; a larger body would only use up memory.
BODY_LIMIT = 33_554_432


_bearer = HTTPBearer(auto_error=False, description="The setting REJOINDER_API_TOKEN.")


def site_side_only(
    request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> None:
    """Raise `Unauthorized` unless the request has the site side's token."""
    expected = context_of(request).settings.api_token.get_secret_value()
    token = given.credentials if given is not None else ""
    if not hmac.compare_digest(token.encode(), expected.encode()):
        raise Unauthorized("Send the header “Authorization: Bearer” with REJOINDER_API_TOKEN.")


class _SiteSideRoute(APIRoute):
    """Checks the token and the length of the body before the body is parsed."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            site_side_only(request, await _bearer(request))
            bounded = _Bounded(request.scope, request.receive)
            # Read it here: FastAPI would turn `TooLarge` into a generic parse error.
            await bounded.body()
            return await handle(bounded)

        return guarded


class _Bounded(Request):
    async def body(self) -> bytes:
        if not hasattr(self, "_body"):
            self._body = await read_body(self, BODY_LIMIT)
        return self._body


# The dependency adds the token to the OpenAPI document.
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
    """Return discussions with a revision above `since`; wait up to `wait` seconds for one."""
    context = context_of(request)
    notifier = context.notifier
    known = request.headers.get("if-none-match")
    deadline = asyncio.get_running_loop().time() + wait
    while True:
        if wait:
            # Only the publisher uses `wait`; builds do not.
            context.heartbeat.asked(context.now())
        with notifier.listening() as rung:
            answer = await run_in_threadpool(_changes, context.db, since, limit)
            tag = f'"{answer["epoch"]}:{answer["next"]}"'
            left = deadline - asyncio.get_running_loop().time()
            current = f'"{answer["epoch"]}:{since}"'
            news = answer["discussions"] or answer["latest"] < since
            foreign = known is not None and known != current
            if news or foreign or left <= 0 or notifier.closed:
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
    """Return one page's discussion."""
    found = site_api.discussion(context_of(request).db, key)
    tag = f'"{found.epoch}:{found.page.revision}"'
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"ETag": tag})
    return _json(_discussion(found.page, found.replies), tag)


@router.put("/pages", response_model=Registered, responses=errors(400, 422))
def register(request: Request, body: PagesIn) -> dict[str, int]:
    """Replace the list of pages that accept replies; pages left out are withdrawn."""
    entries = [
        Registration(**page.model_dump(exclude={"published"}), published_at=page.published)
        for page in body.pages
    ]
    withdrawn = site_api.register_pages(context_of(request).db, entries)
    return {"registered": len(entries), "withdrawn": withdrawn}


@router.post("/private", response_model=Found, responses=errors(400, 422))
def private(request: Request, body: Candidates) -> dict[str, list[dict[str, object]]]:
    """Return which candidates belong to authors of stored replies, without repeating them."""
    found = site_api.find_private(context_of(request).db, body.candidates)
    return {"private": [leak._asdict() for leak in found]}


@router.post("/texts/wanted", response_model=WantedTexts, responses=errors(400, 422))
def wanted_texts(request: Request, body: Digests) -> dict[str, list[str]]:
    """Return the pages whose texts differ from those that the service has."""
    return site_api.wanted_texts(context_of(request).db, body.texts)._asdict()


@router.put("/texts", response_model=TakenTexts, responses=errors(400, 422))
def take_texts(request: Request, body: TextsIn) -> dict[str, list[str]]:
    """Store the texts of articles for the search."""
    texts = [Text(one.key, one.digest, one.text) for one in body.texts]
    return {"unknown": site_api.store_texts(context_of(request).db, texts)}


@router.put("/published", response_model=Taken, responses=errors(400, 409, 422))
def published(request: Request, body: Published) -> dict[str, object]:
    """Store a report of the publisher: pages written, verified and stalled."""
    context = context_of(request)
    now = context.now()
    stored = site_api.report_published(
        context.db,
        body.epoch,
        [Report(page.key, page.written, page.live) for page in body.pages],
        {page.key: page.why for page in body.stalled},
        complete=body.complete,
        now=now,
    )
    context.heartbeat.asked(now)
    context.heartbeat.trouble = body.trouble
    return stored._asdict()


def _changes(db: Database, since: int, limit: int) -> dict[str, Any]:
    found = site_api.changes(db, since, limit)
    shown = [_discussion(entry.page, entry.replies) for entry in found.discussions]
    return found._asdict() | {"discussions": shown}


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
        "position": reply.position,
        "pinned": reply.pinned,
        "locked": reply.locked,
        "avatar": reply.avatar,
    }


def _json(content: Any, tag: str) -> Response:
    # Without Pydantic: the rows are valid, and validating them again would double the cost.
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return Response(body, media_type="application/json", headers={"ETag": tag})
