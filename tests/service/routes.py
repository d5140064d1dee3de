"""The protected routes of the moderation pages, from the application's route table."""

from pathlib import Path

from starlette.routing import BaseRoute, Mount, Route

from comments_service.app import create_app
from comments_service.store.database import Database
from tests.running import settings_for

# Routes below /moderate that need no session; all others require a signed-in editor.
OPEN = {
    "/moderate",
    "/moderate/sign-in",
    "/moderate/sign-in/code",
    "/moderate/link/{token}",
    # A link in a mail to an editor authorises a decision about one reply.
    "/moderate/mail/{token}",
}
SAMPLES = {"id": "0" * 26, "token": "x" * 43, "key": "networking", "path": "queue.css"}


def _below_moderate() -> list[BaseRoute]:
    # The database is never used: the application is created only for its route table.
    settings = settings_for(Path("/nowhere"))
    app = create_app(settings, Database(settings.database))
    return [
        route
        for route in app.routes
        if isinstance(route, Route | Mount) and route.path.startswith("/moderate")
    ]


ROUTES = [route for route in _below_moderate() if isinstance(route, Route)]
MOUNTS = [route for route in _below_moderate() if isinstance(route, Mount)]


def doors() -> list[tuple[str, str]]:
    """Return (method, path) of all protected routes."""
    return [
        (method, route.path)
        for route in ROUTES
        for method in sorted(route.methods or ())
        if route.path not in OPEN
    ]
