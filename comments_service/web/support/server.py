"""How uvicorn runs the service: its limits, and what it must not log or believe."""

from contextlib import suppress

import uvicorn
from starlette.applications import Starlette

from comments_service.settings import Settings
from comments_service.web.support.http_protocol import Limits, limited

# Files of the database's connections, log streams and what else needs no client.
_OWN_FILES = 256
_FEWEST = 64


def config_for(
    app: Starlette, settings: Settings, *, host: str, port: int, limits: Limits | None = None
) -> uvicorn.Config:
    """Return the configuration for `rejoinder service`; `limits` are those of the settings."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=limited(limits or limits_of(settings)),
        # There are none; a request to upgrade is answered as any other.
        ws="none",
        # No access log of uvicorn's: it would write the authors' private links.
        access_log=False,
        # Its other lines go where ours go, with the same time.
        log_config=None,
        log_level="warning",
        server_header=False,
        # It would believe any X-Forwarded-For from this machine.
        proxy_headers=False,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=3,
    )


def limits_of(settings: Settings) -> Limits:
    """Return the limits that these settings ask for."""
    return Limits(
        per_network=settings.connections_per_network,
        connections=_most_connections(),
        proxies=settings.proxies,
    )


def _most_connections() -> int:
    """Return how many connections leave files enough for everything else; 0: nobody knows."""
    with suppress(ImportError):
        import resource

        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if files != resource.RLIM_INFINITY:
            return max(_FEWEST, files - _OWN_FILES)
    return 0
