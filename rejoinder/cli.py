"""The `rejoinder` command: gathers the verbs that the houses bring, and loads the environment."""

import atexit
import os
import signal
import sys
import threading
import time
from importlib.metadata import EntryPoint, entry_points

import click

from rejoinder import environment

# The sections of the help, by the package that brings the verb.
SECTIONS = {
    "rejoinder": "Everything at once",
    "plugins": "The site",
    "comments_service": "Replies and editors",
}
# Set by `rejoinder serve` for its children: they stop when it is gone, however it went.
SUPERVISED = "REJOINDER_SUPERVISED"


class Verbs(click.Group):
    """A group whose commands are the entry points of `rejoinder.commands`."""

    def __init__(self, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self._points: dict[str, EntryPoint] = {
            point.name: point for point in entry_points(group="rejoinder.commands")
        }

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all verbs."""
        return list(self._points)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one verb; the module of no other is imported."""
        point = self._points.get(cmd_name)
        if point is None:
            return None
        command = point.load()
        if not isinstance(command, click.Command):
            raise click.ClickException(f"The entry point {point.value} is not a command.")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help as a map of the product: a section for each house."""
        for package, title in SECTIONS.items():
            rows = []
            for name, point in self._points.items():
                if point.module.split(".")[0] == package and (verb := self.get_command(ctx, name)):
                    rows.extend(_rows(name, verb))
            with formatter.section(title):
                formatter.write_dl(rows)


def _rows(name: str, verb: click.Command) -> list[tuple[str, str]]:
    if isinstance(verb, click.Group):
        return [
            (f"{name} {sub}", one.get_short_help_str(200)) for sub, one in verb.commands.items()
        ]
    return [(name, verb.get_short_help_str(200))]


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="rejoinder")
def verbs() -> None:
    """Rejoinder: a Pelican blog of advice articles whose readers talk back.

    Run it in the project's folder, where pelicanconf.py is. Start with: rejoinder serve
    """


def main() -> None:
    """Load var/rejoinder.env and run the verb."""
    environment.load()
    if os.environ.get(SUPERVISED):
        threading.Thread(target=_stop_with_parent, args=(os.getppid(),), daemon=True).start()
    try:
        verbs(prog_name="rejoinder")
    except SystemExit as end:
        _leave(end)


def _leave(end: SystemExit) -> None:
    """End at once, with what programs do at their end, where nothing else is still at work.

    After a build of thousands of articles, to free them one by one would take half a second more.
    """
    others = [one for one in threading.enumerate() if one is not threading.main_thread()]
    if not isinstance(end.code, int | None) or not all(one.daemon for one in others):
        raise end
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):  # a closed pipe, which Python itself has an opinion about
            raise end from None
    os._exit(end.code or 0)


def _stop_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)
