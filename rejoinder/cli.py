"""The `rejoinder` command: loads the environment and runs commands found by entry points."""

import atexit
import os
import signal
import sys
import threading
import time
from importlib.metadata import EntryPoint, entry_points

import click

from rejoinder import environment

# The sections of the help, by the package that defines the command.
SECTIONS = {
    "rejoinder": "Everything at once",
    "plugins": "The site",
    "comments_service": "Replies and editors",
}
# Set by `rejoinder serve` for its children: they stop when it ends, even if it was killed.
SUPERVISED = "REJOINDER_SUPERVISED"


class Verbs(click.Group):
    """A group whose commands are the entry points of `rejoinder.commands`."""

    def __init__(self, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self._points: dict[str, EntryPoint] = {
            point.name: point for point in entry_points(group="rejoinder.commands")
        }

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return list(self._points)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command. Modules of other commands are not imported."""
        point = self._points.get(cmd_name)
        if point is None:
            return None
        command = point.load()
        if not isinstance(command, click.Command):
            raise click.ClickException(f"The entry point {point.value} is not a command.")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help with one section for each package."""
        for package, title in SECTIONS.items():
            rows = []
            for name, point in self._points.items():
                if point.module.split(".")[0] == package and (
                    command := self.get_command(ctx, name)
                ):
                    rows.extend(_rows(name, command))
            with formatter.section(title):
                formatter.write_dl(rows)


def _rows(name: str, command: click.Command) -> list[tuple[str, str]]:
    if isinstance(command, click.Group):
        return [
            (f"{name} {sub}", entry.get_short_help_str(200))
            for sub, entry in command.commands.items()
        ]
    return [(name, command.get_short_help_str(200))]


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="rejoinder")
def verbs() -> None:
    """Rejoinder: a Pelican blog of advice articles whose readers talk back.

    Run it in the project's folder, where pelicanconf.py is. Start with: rejoinder serve
    """


def main() -> None:
    """Load var/rejoinder.env and run the command."""
    environment.load()
    if os.environ.get(SUPERVISED):
        threading.Thread(target=_stop_with_parent, args=(os.getppid(),), daemon=True).start()
    try:
        verbs(prog_name="rejoinder")
    except SystemExit as end:
        _leave(end)


def _leave(end: SystemExit) -> None:
    """Exit at once, after exit handlers and flushes, unless another thread is still working.

    After a build of thousands of articles, freeing their objects would take half a second more.
    """
    others = [thread for thread in threading.enumerate() if thread is not threading.main_thread()]
    if not isinstance(end.code, int | None) or not all(thread.daemon for thread in others):
        raise end
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):  # A closed pipe: let Python report it.
            raise end from None
    os._exit(end.code or 0)


def _stop_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)
