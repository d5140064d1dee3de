"""Exception handlers: HTML error pages, and problem details (RFC 9457) for the API."""

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

# The second argument is an exception of the type that the handler has in the tables below.
Handler = Callable[[Request, Any], Response]

# The same text for every internal error: details help neither readers nor API clients.
INTERNAL = sentence(
    "Something went wrong on our side. Everything that was already saved is safe; try again."
)

# Starlette's error titles that can appear on a page, marked for translation.
TITLES = (marked("Not Found"), marked("Method Not Allowed"))


def _api_service_error(request: Request, error: ServiceError) -> Response:
    log_refusal(request, error)
    answer = problem(error.status, error.title, error.detail)
    if error.status == 401:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="rejoinder"'
    return answer


def _api_validation_error(_request: Request, error: RequestValidationError) -> Response:
    problems = error.errors()
    unreadable = any(entry["type"] == "json_invalid" for entry in problems)
    # Location and message only: the values that were sent may be private.
    reported = [
        {"pointer": "/" + "/".join(map(str, entry["loc"])), "detail": entry["msg"]}
        for entry in problems[:20]
    ]
    detail = "; ".join(f"{entry['pointer']}: {entry['detail']}" for entry in reported)
    return problem(400 if unreadable else 422, "The request is invalid", detail, errors=reported)


def _api_http_error(_request: Request, error: HTTPException) -> Response:
    answer = problem(error.status_code, error.detail, error.detail)
    answer.headers.update(error.headers or {})
    return answer


def _api_internal_error(request: Request, error: Exception) -> Response:
    log_failure(request, error)
    return problem(500, "Something went wrong", INTERNAL)


# Sections of the moderation pages, by path prefix; an error page links back to its section.
_SECTIONS = {
    "/moderate/articles": "Articles",
    "/moderate/settings": "Settings",
    "/moderate/editors": "Editors",
    "/moderate/account": "Account",
    "/moderate/history": "History",
}
# Pages of mailed links work without a session and never show the menu.
_MAIL_LINK = "/moderate/mail/"


def _message(request: Request, error: ServiceError) -> Response:
    if not is_of_queue(request):
        return message(request, error)
    return queue_message(request, error, back=_way_back(request, error), session=_editor(request))


def _way_back(request: Request, error: ServiceError) -> Back | None:
    """Return the page that the editor came from; None if that is the queue itself."""
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
    """Return the session for an error page's menu; None if signed out or if the lookup fails."""
    session: Session | None = getattr(request.state, "editor_session", None)
    if session is not None or request.url.path.startswith(_MAIL_LINK):
        return session
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
    shown = ServiceError(sentence("There is nothing at this address that does what you asked."))
    shown.status, shown.title = error.status_code, error.detail
    answer = _message(request, shown)
    answer.headers.update(error.headers or {})
    if error.status_code == 405:
        answer.headers["Allow"] = ", ".join(sorted(_methods_here(request)))
    return answer


def _methods_here(request: Request) -> set[str]:
    """Return the methods that this path accepts; each method has its own route."""
    matching = (
        route.methods or set()
        for route in request.app.routes
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE
    )
    return set[str]().union(*matching)


def _page_internal_error(request: Request, error: Exception) -> Response:
    if not request.scope["path"].startswith("/comments/api/"):
        # The mounted API application has its own handlers, which log.
        log_failure(request, error)
    return _message(request, ServiceError(INTERNAL))


def _gone(_request: Request, _error: ClientDisconnect) -> Response:
    """Answer a client that disconnected or was too slow. Nobody reads this response."""
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
