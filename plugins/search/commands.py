"""The command `rejoinder index`. Heavy imports stay inside the function."""

from __future__ import annotations

from pathlib import Path

import click

from ..shared.errors import DiscussionError


@click.command()
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("output"),
    show_default=True,
    help="The link to the newest build.",
)
def index(output: Path) -> None:
    """Make the search index of the newest build and wait for it."""
    from . import run

    try:
        done = run.index(output)
    except DiscussionError as error:
        raise click.ClickException(str(error)) from error
    if done is None:
        click.echo("This site has no search (DISCUSSION_SEARCH in docs/settings.md).")
    elif done.made:
        click.echo(f"Indexed {done.records} articles and replies in {done.seconds:.1f} s.")
    else:
        click.echo(f"The index of {done.records} articles and replies is up to date.")
