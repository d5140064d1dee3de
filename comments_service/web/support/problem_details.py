"""Problem details (RFC 9457) for programs, and the log lines of refused and failed requests."""

import json
import logging

from starlette.requests import Request
from starlette.responses import Response

from comments_service.domain.errors import ServiceError, TooMany, Unavailable
from comments_service.error_log import described
from comments_service.services import rate_limit
from comments_service.web.support.client_network import client_of

logger = logging.getLogger("rejoinder.service")


def problem(status: int, title: str, detail: str, **more: object) -> Response:
    """Return an `application/problem+json` answer."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    return Response(
        json.dumps(body, ensure_ascii=False),
        status,
        media_type="application/problem+json",
        headers={"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"},
    )


def log_refusal(request: Request, error: ServiceError) -> None:
    """Log what readers are not told: why the database was not there, and who hit which limit."""
    if isinstance(error, Unavailable):
        log_failure(request, error)
    elif isinstance(error, TooMany):
        rate_limit.log(error, client_of(request))


def log_failure(request: Request, error: BaseException) -> None:
    """Log an unexpected error of a request: its route, kind and place, never its values."""
    route = getattr(request.scope.get("route"), "path", "-")
    logger.error("event=failed route=%s %s", route, described(error))
