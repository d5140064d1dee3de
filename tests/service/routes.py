"""Every door of the queue, found in the application's whole table of routes."""

from pathlib import Path

from starlette.routing import BaseRoute, Mount, Route

from comments_service.app import create_app
from comments_service.store.database import Database
from tests.running import settings_for

# What a stranger may ask for below /moderate; everything else is behind the editors' check.
OPEN = {
    "/moderate",
    "/moderate/sign-in",
    "/moderate/sign-in/code",
    "/moderate/link/{token}",
    # Who holds a link of a mail to an editor decides about that one reply.
    "/moderate/mail/{token}",
}
SAMPLES = {"id": "0" * 26, "token": "x" * 43, "key": "networking", "path": "queue.css"}


def _below_moderate() -> list[BaseRoute]:
    # Nothing asks this database anything: an application is made for its table only.
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
    """(method, path) of everything that a stranger may not ask for."""
    return [
        (method, route.path)
        for route in ROUTES
        for method in sorted(route.methods or ())
        if route.path not in OPEN
    ]
