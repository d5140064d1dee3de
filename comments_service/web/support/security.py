"""Security headers, cookies, and CSRF checks of forms."""

import hmac
import logging
import re
import secrets
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from comments_service.domain.errors import Forbidden
from comments_service.domain.i18n import sentence
from comments_service.services.auth import keyed
from comments_service.settings import Settings
from comments_service.web.support.context import Context

logger = logging.getLogger("rejoinder.service")

# Origin headers that are safe to log.
_ORIGIN = re.compile(r"null|https?://[\w.\[\]:-]{1,100}", re.ASCII)
_FOREIGN = sentence(
    "This form was not sent from this site's own page. Reload the page, then send it again."
)


def headers(settings: Settings, *, scripts: bool = False) -> dict[str, str]:
    """Return the headers for HTML pages of the service.

    `scripts` allows scripts from own files; inline scripts are never allowed.
    """
    # The style sheet may be on another origin.
    styles = urlsplit(settings.stylesheet)
    origin = f" {styles.scheme}://{styles.netloc}" if styles.netloc else ""
    policy = (
        f"default-src 'none'; style-src 'self'{origin}; img-src 'self'{origin}; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    if scripts:
        policy += "; script-src 'self'; connect-src 'self'"
    values = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        # Private links must not leak to sites that replies link to.
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
        "X-Robots-Tag": "noindex",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
    if settings.secure:
        values["Strict-Transport-Security"] = "max-age=31536000"
    return values


def cookie_name(settings: Settings, name: str) -> str:
    """Return the cookie's full name. With the prefix, browsers enforce host, path and Secure."""
    return f"__Host-{name}" if settings.secure else name


def set_cookie(
    response: Response,
    settings: Settings,
    name: str,
    value: str,
    *,
    days: int | None = None,
    seconds: int | None = None,
) -> None:
    """Set an HttpOnly, SameSite=Lax cookie.

    It expires after `seconds` or `days`; by default, with the session.
    """
    response.set_cookie(
        cookie_name(settings, name),
        value,
        path="/",
        secure=settings.secure,
        httponly=True,
        samesite="lax",
        max_age=seconds or (days or settings.session_days) * 86_400,
    )


def clear_cookie(response: Response, settings: Settings, name: str) -> None:
    """Delete the cookie in the browser."""
    response.delete_cookie(
        cookie_name(settings, name),
        path="/",
        secure=settings.secure,
        httponly=True,
        samesite="lax",
    )


def check_origin(request: Request, settings: Settings, told: str = _FOREIGN) -> None:
    """Raise `Forbidden` with the message `told` if the headers show that the form is foreign.

    Requests without these headers pass: they come from old browsers or other clients.
    """
    if _is_foreign(request, settings):
        origin = request.headers.get("origin", "")
        route = getattr(request.scope.get("route"), "path", "-")
        logger.warning(
            "event=refused reason=origin route=%s origin=%s",
            route,
            origin if _ORIGIN.fullmatch(origin) else "-",
        )
        raise Forbidden(told)


def _is_foreign(request: Request, settings: Settings) -> bool:
    origin = request.headers.get("origin")
    if origin is not None:
        # Not compared with the Host header, which the client controls. An Origin that cannot be
        # parsed counts as foreign.
        return origin.lower() not in settings.origins
    return request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}


def is_surely_ours(request: Request, settings: Settings) -> bool:
    """Return whether the headers prove that our own page sent the form; False without them."""
    if _is_foreign(request, settings):
        return False
    return "origin" in request.headers or request.headers.get("sec-fetch-site") == "same-origin"


def check_token(form: Mapping[str, str], expected: str) -> None:
    """Raise `Forbidden` unless the form's CSRF token is `expected`."""
    if not hmac.compare_digest(form.get("token", "").encode(), expected.encode()):
        raise Forbidden(_FOREIGN)


PRE_SESSION = "rejoinder_visit"


def visit_token(request: Request, context: Context, visit: str = "") -> tuple[str, str]:
    """Return (visit id, form token) for a page that is shown before signing in.

    `visit` is the id if one was already created for this response.
    """
    visit = visit or request.cookies.get(cookie_name(context.settings, PRE_SESSION), "")
    # It goes into a Set-Cookie header: accept only the format that we generate.
    if not re.fullmatch(r"[A-Za-z0-9_-]{22}", visit):
        visit = secrets.token_urlsafe(16)
    return visit, keyed(context.secret, "visit:" + visit)
