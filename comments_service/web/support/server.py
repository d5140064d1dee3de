"""The uvicorn configuration of the service."""

from contextlib import suppress

import uvicorn
from starlette.applications import Starlette

from comments_service.settings import Settings
from comments_service.web.support.http_protocol import Limits, limited

# File descriptors reserved for database connections, logs and other files than clients' sockets.
_OWN_FILES = 256
_FEWEST = 64


def config_for(
    app: Starlette, settings: Settings, *, host: str, port: int, limits: Limits | None = None
) -> uvicorn.Config:
    """Return the configuration for `rejoinder service`. `limits` replace those of the settings."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=limited(limits or limits_of(settings)),
        # No WebSockets: an upgrade request is handled like any other request.
        ws="none",
        # An access log would contain the authors' private links.
        access_log=False,
        # Use our own log configuration.
        log_config=None,
        log_level="warning",
        server_header=False,
        # uvicorn would trust any X-Forwarded-For from localhost.
        proxy_headers=False,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=3,
    )


def limits_of(settings: Settings) -> Limits:
    """Return the limits from the settings."""
    return Limits(
        per_network=settings.connections_per_network,
        connections=_most_connections(),
        proxies=settings.proxies,
    )


def _most_connections() -> int:
    """Return the connection limit that the file descriptor limit allows; 0 if that is unknown."""
    with suppress(ImportError):
        import resource

        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if files != resource.RLIM_INFINITY:
            return max(_FEWEST, files - _OWN_FILES)
    return 0
