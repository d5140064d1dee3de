"""Parser of the setting REJOINDER_DATABASE, with readable errors instead of tracebacks."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from comments_service.domain.errors import SettingsError

# PyPI packages of database drivers, by module name.
PACKAGES = {
    "psycopg2": "psycopg2-binary",
    "psycopg": "psycopg[binary]",
    "MySQLdb": "mysqlclient",
}
_EXAMPLE = "set an SQLAlchemy URL, for instance sqlite:///var/comments.sqlite3"


def parse(text: str) -> URL:
    """Return the URL; raises SQLAlchemy's errors, so call it inside `readable_errors`."""
    url = make_url(text)
    if url.get_backend_name() == "sqlite" and url.host:
        raise SettingsError(
            "REJOINDER_DATABASE has too few slashes; write sqlite:/// before a relative path and "
            "sqlite://// before an absolute one"
        )
    return url


@contextmanager
def readable_errors() -> Iterator[None]:
    """Turn errors about the URL and its driver into `SettingsError`, without the password."""
    try:
        yield
    except NoSuchModuleError:
        raise SettingsError(
            f"REJOINDER_DATABASE names an unknown kind of database; {_EXAMPLE}"
        ) from None
    except ArgumentError:
        raise SettingsError(f"REJOINDER_DATABASE is not a database URL; {_EXAMPLE}") from None
    except ModuleNotFoundError as error:
        package = PACKAGES.get(error.name or "", error.name)
        raise SettingsError(
            f"REJOINDER_DATABASE needs the driver {error.name}, which is not installed; "
            f"run: .venv/bin/python -m pip install '{package}'"
        ) from None
