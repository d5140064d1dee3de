"""Errors as answers: a page for people, problem details (RFC 9457) for programs."""

from collections.abc import Callable
from typing import Any

from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match, Route

from comments_service.domain.errors import Forbidden, ServiceError
from comments_service.domain.i18n import marked, sentence
from comments_service.store.editors import Session
from comments_service.web.moderation.permissions import current_session
from comments_service.web.moderation.queue_query import REPLY, list_address, way_back
from comments_service.web.support.pages import Back, is_of_queue, message, queue_message
from comments_service.web.support.problem_details import log_failure, log_refusal, problem

# Each takes the kind of error that it stands for in the tables below.
Handler = Callable[[Request, Any], Response]

# Never what was inside: neither readers nor programs can mend our faults.
INTERNAL = sentence(
    "Something went wrong on our side. Nothing was lost that we had said was kept; try again."
)

# Starlette's own titles that a reader can meet.
TITLES = (marked("Not Found"), marked("Method Not Allowed"))


def _api_service_error(request: Request, error: ServiceError) -> Response:
    log_refusal(request, error)
    answer = problem(error.status, error.title, error.detail)
    if error.status == 401:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="rejoinder"'
    return answer


def _api_validation_error(_request: Request, error: RequestValidationError) -> Response:
    found = error.errors()
    unreadable = any(one["type"] == "json_invalid" for one in found)
    # Where and why, never what was sent: it may hold anything.
    told = [
        {"pointer": "/" + "/".join(map(str, one["loc"])), "detail": one["msg"]}
        for one in found[:20]
    ]
    detail = "; ".join(f"{one['pointer']}: {one['detail']}" for one in told)
    return problem(400 if unreadable else 422, "The request does not fit", detail, errors=told)


def _api_http_error(_request: Request, error: HTTPException) -> Response:
    answer = problem(error.status_code, error.detail, error.detail)
    answer.headers.update(error.headers or {})
    return answer


def _api_internal_error(request: Request, error: Exception) -> Response:
    log_failure(request, error)
    return problem(500, "Something went wrong", INTERNAL)


# Parts of the queue with a page of their own to go back to.
_SECTIONS = {
    "/moderate/articles": "Articles",
    "/moderate/settings": "Settings",
    "/moderate/editors": "Editors",
    "/moderate/account": "Account",
    "/moderate/history": "History",
}
# A mailed link needs no session: its page never shows the menu.
_MAIL_LINK = "/moderate/mail/"


def _message(request: Request, error: ServiceError) -> Response:
    if not is_of_queue(request):
        return message(request, error)
    return queue_message(request, error, back=_way_back(request, error), session=_editor(request))


def _way_back(request: Request, error: ServiceError) -> Back | None:
    """Return what an editor came from, other than the queue itself."""
    if isinstance(error, Forbidden):
        return None
    for path, title in _SECTIONS.items():
        if request.url.path.startswith(path):
            return Back(title, path)
    form = getattr(request.state, "form", {})
    public_id = request.path_params.get("id", "")
    if form.get("list") == REPLY and public_id:
        return Back("the reply", way_back(form, public_id))
    return Back("the list", list_address(form)) if "=" in form.get("list", "") else None


def _editor(request: Request) -> Session | None:
    """Return who is signed in, for the menu of an error's page; None also if nobody can tell."""
    known: Session | None = getattr(request.state, "editor_session", None)
    if known is not None or request.url.path.startswith(_MAIL_LINK):
        return known
    try:
        return current_session(request)
    except (ServiceError, DBAPIError):
        return None


def _page_service_error(request: Request, error: ServiceError) -> Response:
    log_refusal(request, error)
    answer = _message(request, error)
    answer.headers.update(error.headers)
    return answer


def _page_http_error(request: Request, error: HTTPException) -> Response:
    told = ServiceError(sentence("There is nothing at this address that does what you asked."))
    told.status, told.title = error.status_code, error.detail
    answer = _message(request, told)
    answer.headers.update(error.headers or {})
    if error.status_code == 405:
        answer.headers["Allow"] = ", ".join(sorted(_methods_here(request)))
    return answer


def _methods_here(request: Request) -> set[str]:
    """Return the methods of this address; each has a route of its own."""
    matching = (
        route.methods or set()
        for route in request.app.routes
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE
    )
    return set[str]().union(*matching)


def _page_internal_error(request: Request, error: Exception) -> Response:
    if not request.scope["path"].startswith("/comments/api/"):
        # The API, mounted inside, has logged its own.
        log_failure(request, error)
    return _message(request, ServiceError(INTERNAL))


def _gone(_request: Request, _error: ClientDisconnect) -> Response:
    """Answer a client that closed the connection, or was too slow; nobody reads it."""
    return Response(status_code=400)


PAGE_HANDLERS: dict[Any, Handler] = {
    ServiceError: _page_service_error,
    HTTPException: _page_http_error,
    ClientDisconnect: _gone,
    DBAPIError: _page_internal_error,
    Exception: _page_internal_error,
}
API_HANDLERS: dict[Any, Handler] = {
    ServiceError: _api_service_error,
    RequestValidationError: _api_validation_error,
    HTTPException: _api_http_error,
    ClientDisconnect: _gone,
    DBAPIError: _api_internal_error,
    Exception: _api_internal_error,
}
