"""The page that shows outgoing mail: waiting, sent and failed."""

import re

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from comments_service.domain.errors import BadRequest
from comments_service.mail import self_test
from comments_service.services import editor_notices, mail_limits
from comments_service.services import outbox as outbox_service
from comments_service.store.editors import Session
from comments_service.web.moderation.login import editor_only
from comments_service.web.support.context import context_of
from comments_service.web.support.pages import page

MAIL = "/moderate/mail"
_MOST = 100

KINDS = {
    editor_notices.PENDING: "New reply",
    editor_notices.MANY: "Many new replies",
    editor_notices.DIGEST: "Digest of waiting replies",
    mail_limits.VERIFY: "Address confirmation",
    self_test.TEST: "Test mail",
}


@editor_only
async def outgoing(request: Request, session: Session) -> Response:
    """Show the delivery state of mail."""
    context = context_of(request)
    return page(
        request,
        "outgoing.html",
        session=session,
        mail=await run_in_threadpool(
            lambda: outbox_service.overview(context.db, limit=_MOST, now=context.now())
        ),
        sends=context.settings.sends_mail,
        mail_from=context.settings.mail_from,
        kinds=KINDS,
        most=_MOST,
    )


@editor_only
async def act(request: Request, session: Session) -> Response:
    """Retry mail now, or delete one that failed."""
    form: dict[str, str] = request.state.form
    what, number = form.get("action", ""), form.get("mail", "")
    every = what == "retry" and number == "all"
    if what not in {"retry", "forget"} or not (every or re.fullmatch(r"[0-9]{1,15}", number)):
        raise BadRequest("The form does not say what to do with which mail.")
    context = context_of(request)
    if what == "retry":
        mail_id = None if every else int(number)
        await run_in_threadpool(
            lambda: outbox_service.retry(context.db, mail_id, now=context.now())
        )
    else:
        await run_in_threadpool(outbox_service.forget, context.db, int(number))
    return RedirectResponse(MAIL, 303)


ROUTES = [
    Route(MAIL, outgoing, methods=["GET"]),
    Route("/moderate/mail-action", act, methods=["POST"]),
]
