"""Service commands of the `rejoinder` CLI. Imports are in functions, so that `--help` is fast."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from comments_service.settings import Settings
    from comments_service.store.database import Database


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, help="Port to listen on.")
@click.option(
    "--quiet",
    is_flag=True,
    help="Log only what went wrong, not each request; REJOINDER_LOG_LEVEL overrides it.",
)
def service(host: str, port: int, quiet: bool) -> None:
    """Run the comments service alone: readers' forms, the queue, the API."""
    import uvicorn

    from comments_service import startup
    from comments_service.app import create_app
    from comments_service.log_format import log_to_stderr
    from comments_service.web.support import server

    settings, db = _open()
    level = settings.log_level or ("warning" if quiet else "info")
    log_to_stderr(level.upper())
    _check_free(host, port)
    with _told():
        for note in startup.prepare(db, _var(), create=False):
            click.echo(note, err=True)
        startup.remember(db, _var())
    app = create_app(settings, db)

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: object) -> None:
            # Ends waiting long polls, which would delay the shutdown otherwise.
            app.state.context.notifier.close()
            super().handle_exit(sig, frame)  # type: ignore[arg-type]

    config = server.config_for(app, settings, host=host, port=port)
    Server(config).run()
    db.close()


@click.command()
@click.option(
    "--accept-empty", is_flag=True, help="Set up an empty database where there was one before."
)
def migrate(accept_empty: bool) -> None:
    """Bring the database to the newest schema, and replies to the newest HTML.

    Safe to run at any time, and to run again if it was stopped.
    """
    from sqlalchemy.exc import DBAPIError

    from comments_service import startup
    from comments_service.migrations import upgrade

    _, db = _open()
    with _told():
        for note in startup.prepare(db, _var(), create=True, accept_empty=accept_empty):
            click.echo(note, err=True)
        try:
            upgrade(db.engine, _var())
        except DBAPIError as error:
            raise click.ClickException(f"The database cannot be migrated: {error.orig}") from None
        except OSError as error:
            raise click.ClickException(
                f"The database {db.file} cannot be created: {error.strerror}"
            ) from None
        startup.remember(db, _var())
        _rerender(db)
    db.close()


# At most this many replies that keep their old HTML are listed.
_NAMED = 20


def _rerender(db: "Database") -> None:
    """Render replies of older markup versions again, and print the result."""
    from comments_service.services import rerender

    rendered, changed = 0, 0
    kept: list[rerender.Kept] = []
    for number, done in enumerate(rerender.run(db, now=lambda: datetime.now(UTC)), 1):
        rendered, changed = rendered + done.rendered, changed + done.changed
        kept += done.kept
        if number % 50 == 0:
            click.echo(f"Rendering replies again: {rendered:,} so far ...")
    if rendered:
        click.echo(f"Re-rendered {rendered:,} replies; {changed:,} changed.")
    if kept:
        click.echo(f"{len(kept):,} replies keep the HTML that they had:", err=True)
    for reply in kept[:_NAMED]:
        click.echo(f"  /moderate/replies/{reply.public_id}: {reply.reason}", err=True)
    if len(kept) > _NAMED:
        click.echo(f"  and {len(kept) - _NAMED:,} more", err=True)


@click.group()
def editor() -> None:
    """Add editors and let them in."""


@editor.command("add")
@click.argument("email")
@click.option("--name", default="", help="Shown in the history; the address's first part if unset.")
@click.option(
    "--role",
    type=click.Choice(["admin", "editor"]),
    help="Editors decide about replies, admins also about settings and editors; "
    "if unset, admin for the first one and editor for all others.",
)
def editor_add(email: str, name: str, role: str | None) -> None:
    """Add an editor; the password is asked for, or read from standard input if that is a pipe."""
    from comments_service.services import auth

    settings, db = _open()
    with _told():
        added = auth.add_editor(
            db,
            email=email,
            name=name,
            password=_password(),
            now=datetime.now(UTC),
            role=role,
            site_name=settings.site_name,
        )
    what = "Admin" if added.is_admin else "Editor"
    click.echo(f"{what} {added.email} can sign in now, at /moderate/")


@editor.command("password")
@click.argument("email")
def editor_password(email: str) -> None:
    """Replace an editor's password and sign every browser of theirs out."""
    from comments_service.services import auth

    settings, db = _open()
    with _told():
        changed = auth.change_password(
            db, email=email, password=_password(), site_name=settings.site_name
        )
    click.echo(f"The password of {changed.email} is changed; every browser is signed out.")


@editor.command("link")
@click.argument("email")
def editor_link(email: str) -> None:
    """Print a link that signs an editor in once, within a day."""
    from comments_service.services import auth

    settings, db = _open()
    with _told():
        token = auth.link_for(db, email=email, now=datetime.now(UTC))
    click.echo(f"{settings.site_url}/moderate/link/{token}")


@editor.command("reset-second-factor")
@click.argument("email")
def editor_reset_second_factor(email: str) -> None:
    """Turn an editor's second factor off, for one who lost the phone and the recovery codes."""
    from comments_service.services import auth, second_factor

    _, db = _open()
    with _told():
        known = auth.editor_of(db, email)
        second_factor.turn_off(db, known.id)
    click.echo(f"The second factor of {known.email} is off; the password alone lets in.")


@editor.command("first-link")
def editor_first_link() -> None:
    """Print a link that makes the first editor, once, within a day; nothing if there is one."""
    from comments_service.services import auth

    settings, db = _open()
    with _told():
        token = auth.first_link(db, now=datetime.now(UTC))
    if token is not None:
        click.echo(f"{settings.site_url}/moderate/link/{token}")


@click.command()
@click.option("--remove", is_flag=True, help="Take every sample reply out again, for good.")
def demo(remove: bool) -> None:
    """Fill the discussions and the queue with sample replies."""
    from comments_service.domain import actor
    from comments_service.services import moderation
    from comments_service.services.demo import fill

    settings, db = _open()
    now = datetime.now(UTC)
    with _told():
        if remove:
            gone = moderation.remove_demo(db, by=actor.COMMAND_LINE, now=now)
            click.echo(
                f"{gone.samples} sample replies are gone, and {gone.answers} that answered them."
            )
            return
        added = fill(db, settings.secret.get_secret_value().encode(), now=now)
    click.echo(
        f"{added} sample replies are in, some of them waiting in the queue. "
        "Take them out again with: rejoinder demo --remove"
    )


@click.group()
def mail() -> None:
    """Check that mail can be sent."""


@mail.command("test")
@click.argument("address")
def mail_test(address: str) -> None:
    """Send a test mail like any other mail, and print the mail server's answer."""
    import asyncio

    from comments_service.mail import self_test

    settings, db = _open()
    with _told():
        result = asyncio.run(self_test.send(db, settings, address, now=lambda: datetime.now(UTC)))
    if result.result != "accepted":
        raise click.ClickException(f"The mail was not sent. {result.words}")
    click.echo(f"The mail server accepted the mail: {result.words}")


def _open() -> "tuple[Settings, Database]":
    from comments_service.domain import i18n
    from comments_service.domain.errors import SettingsError
    from comments_service.settings import Settings
    from comments_service.store.database import Database

    try:
        settings = Settings.from_environ()
        i18n.use(settings.language)
        return settings, Database(settings.database)
    except SettingsError as error:
        raise click.ClickException(str(error)) from None


def _var() -> Path:
    return Path(os.environ.get("REJOINDER_VAR", "").strip() or "var")


def _check_free(host: str, port: int) -> None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise click.ClickException(
            f"Cannot listen on {host}:{port} ({error.strerror}); choose another --port, or stop "
            "the program that listens there."
        ) from None


def _password() -> str:
    if sys.stdin.isatty():
        answer: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        return answer
    return sys.stdin.readline().rstrip("\n")


@contextmanager
def _told() -> Iterator[None]:
    """Turn the service's errors into `click.ClickException`."""
    from comments_service.domain.errors import ServiceError, StartupError, Unavailable

    try:
        yield
    except StartupError as error:
        raise click.ClickException(str(error)) from None
    except Unavailable as error:
        raise click.ClickException(
            f"The database cannot be used: {error.reason}. If it is new, run: rejoinder migrate"
        ) from None
    except ServiceError as error:
        raise click.ClickException(error.detail) from None
