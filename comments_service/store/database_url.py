"""REJOINDER_DATABASE: what is wrong with it, in words instead of a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from comments_service.domain.errors import SettingsError

# What to install for a driver, by the name of its module.
PACKAGES = {
    "psycopg2": "psycopg2-binary",
    "psycopg": "psycopg[binary]",
    "MySQLdb": "mysqlclient",
}
_EXAMPLE = "set an SQLAlchemy URL, for instance sqlite:///var/comments.sqlite3"


def parse(text: str) -> URL:
    """Return the URL; SQLAlchemy's own errors are for `readable_errors`."""
    url = make_url(text)
    if url.get_backend_name() == "sqlite" and url.host:
        raise SettingsError(
            "REJOINDER_DATABASE has too few slashes; write sqlite:/// before a relative path and "
            "sqlite://// before an absolute one"
        )
    return url


@contextmanager
def readable_errors() -> Iterator[None]:
    """Turn errors about the URL and its driver into `SettingsError`; no password is repeated."""
    try:
        yield
    except NoSuchModuleError:
        raise SettingsError(
            f"REJOINDER_DATABASE names a database that is not known here; {_EXAMPLE}"
        ) from None
    except ArgumentError:
        raise SettingsError(f"REJOINDER_DATABASE is not a database URL; {_EXAMPLE}") from None
    except ModuleNotFoundError as error:
        package = PACKAGES.get(error.name or "", error.name)
        raise SettingsError(
            f"REJOINDER_DATABASE needs the driver {error.name}, which is not installed; "
            f"run: .venv/bin/python -m pip install '{package}'"
        ) from None
