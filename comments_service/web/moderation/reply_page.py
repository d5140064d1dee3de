"""The moderation page of one reply, and the redirect to the reply on the site."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from comments_service.domain.models import Status
from comments_service.services import permalinks, queue_listing
from comments_service.store.editors import Session
from comments_service.web.moderation.permissions import editor_only
from comments_service.web.moderation.queue_query import REPLY, reply_address
from comments_service.web.support.context import context_of
from comments_service.web.support.forms import number_of
from comments_service.web.support.pages import page


@editor_only
async def show(request: Request, session: Session) -> Response:
    """Show one reply, in any status, with all actions."""
    public_id = request.path_params["id"]
    number = number_of(request.query_params.get("done"))
    reply, done = await run_in_threadpool(
        queue_listing.find_with_done, context_of(request).db, public_id, number
    )
    return page(request, "moderate_reply.html", session=session, reply=reply, last=done, list=REPLY)


@editor_only
async def see(request: Request, _session: Session) -> Response:
    """Redirect to the reply on the site, or to its moderation page if it is not public."""
    public_id = request.path_params["id"]
    context = context_of(request)
    reply, place = await run_in_threadpool(
        permalinks.locate, context.db, context.settings.site_url, public_id
    )
    public = reply.status == Status.APPROVED
    return RedirectResponse(place if public else reply_address(reply.public_id), 303)


ROUTES = [
    Route("/moderate/replies/{id}", show, methods=["GET"]),
    Route("/moderate/replies/{id}/public", see, methods=["GET"]),
]
