"""Problem details responses (RFC 9457), and logging of refused and failed requests."""

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
    """Return an `application/problem+json` response."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    return Response(
        json.dumps(body, ensure_ascii=False),
        status,
        media_type="application/problem+json",
        headers={"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"},
    )


def log_refusal(request: Request, error: ServiceError) -> None:
    """Log an unavailable database or an exceeded limit; other errors are not logged."""
    if isinstance(error, Unavailable):
        log_failure(request, error)
    elif isinstance(error, TooMany):
        rate_limit.log(error, client_of(request))


def log_failure(request: Request, error: BaseException) -> None:
    """Log an unexpected error: its route, type and stack frames, never its text or values."""
    route = getattr(request.scope.get("route"), "path", "-")
    logger.error("event=failed route=%s %s", route, described(error))
