"""Bans the email address, email domain or network of a reply's author."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from comments_service.domain.errors import Conflict, Invalid
from comments_service.services import rule_settings
from comments_service.services.queue_listing import find
from comments_service.store.editors import Session
from comments_service.store.events import Event
from comments_service.store.queue import Queued
from comments_service.web.moderation.permissions import actor_of, editor_only
from comments_service.web.moderation.queue import back
from comments_service.web.moderation.queue_query import sent_with, way_back
from comments_service.web.support.context import Context, context_of
from comments_service.web.support.pages import page

_NOTHING: Mapping[str, str] = MappingProxyType({})


class _Choice(NamedTuple):
    """Something that can be banned. Forms carry only its name, never the private value."""

    kind: str
    value: str


def _choices(reply: Queued) -> dict[str, _Choice]:
    """Return what can be banned. Raises `Conflict` for an editor's reply, or if that is nothing."""
    if reply.by_editor:
        raise Conflict("This reply was written by an editor. Disable the editor instead.")
    choices = {}
    if reply.email:
        choices["address"] = _Choice("address", reply.email)
        choices["domain"] = _Choice("address", "@" + reply.email.rpartition("@")[2])
    if reply.network:
        choices["network"] = _Choice("network", reply.network)
    if not choices:
        raise Conflict("Neither an email address nor a network is kept of this reply.")
    return choices


@editor_only
async def ask(request: Request, session: Session) -> Response:
    """Show the form, filled in from the reply."""
    return await _page(request, session)


@editor_only
async def ban(request: Request, session: Session) -> Response:
    """Add the ban and redirect back, where its undo and the matching replies are shown."""
    form: dict[str, str] = request.state.form
    public_id = request.path_params["id"]
    try:
        done = await run_in_threadpool(_ban, context_of(request), session, public_id, form)
    except Conflict as error:
        return await _page(request, session, error.status, {"what": error.detail})
    except Invalid as error:
        problems = {name.removeprefix("ban-"): text for name, text in error.fields.items()}
        return await _page(request, session, error.status, problems)
    return back(form, done, public_id)


def _ban(context: Context, session: Session, public_id: str, form: Mapping[str, str]) -> Event:
    choice = _choices(find(context.db, public_id)).get(form.get("what", ""))
    if choice is None:
        raise Invalid({"what": "Choose what to ban"})
    fields = {
        "ban-kind": choice.kind,
        "ban-value": choice.value,
        "ban-note": form.get("note", ""),
        "ban-expires": form.get("expires", ""),
    }
    return rule_settings.add_ban(context.db, fields, by=actor_of(session), now=context.now())


async def _page(
    request: Request,
    session: Session,
    status: int = 200,
    problems: Mapping[str, str] = _NOTHING,
) -> Response:
    given = sent_with(request)
    reply = await run_in_threadpool(find, context_of(request).db, request.path_params["id"])
    choices = _choices(reply)
    chosen = given.get("what", "")
    return page(
        request,
        "reply_ban.html",
        status,
        session=session,
        reply=reply,
        choices=choices,
        what=chosen if chosen in choices else next(iter(choices)),
        note=given.get("note", ""),
        expires=given.get("expires", ""),
        problems=problems,
        list=given.get("list", ""),
        back=way_back(given, reply.public_id),
    )


ROUTES = [
    Route("/moderate/replies/{id}/ban", ask, methods=["GET"]),
    Route("/moderate/replies/{id}/ban", ban, methods=["POST"]),
]
