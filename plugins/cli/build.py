"""A full build with what the search and the authoring plugins add to it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from ..authoring import drafts
from ..discussion.build import builder
from ..discussion.publish.built_site import Site
from ..search import paths

# By its name, because importing it imports Pelican.
AUTHORING = f"{drafts.__name__.rpartition('.')[0]}.hooks"


class SearchStep:
    """Links the search index into the new build; the index itself is made after the build."""

    def before_swap(self, var: Path, output: Path, fresh: Path) -> None:
        """Make the link if the site has a search page."""
        if Site.open(fresh).manifest.settings.search:
            paths.link(fresh, paths.bundle_of(var, output))

    def after_swap(self, var: Path, output: Path) -> list[str]:
        """Return no warnings: the indexer reports its own."""
        return []


class AuthoringStep:
    """Records the drafts of a build and returns the warnings about its articles."""

    def before_swap(self, var: Path, output: Path, fresh: Path) -> None:
        """Change nothing: drafts are recorded outside the output, which is public."""

    def after_swap(self, var: Path, output: Path) -> list[str]:
        """Write the list that `rejoinder drafts` reads; returns the warnings."""
        hooks: Any = sys.modules.get(AUTHORING)
        if hooks is None:
            return []
        drafts.remember(drafts.path_of(var, output), hooks.drafts_of_last_run())
        return list(hooks.warnings_of_last_run())


def build_site(
    root: Path,
    settings_file: Path,
    output: Path,
    *,
    cache: bool = True,
    accept_empty: bool = False,
) -> builder.Build:
    """Build the site of the project `root`; arguments and errors as of `builder.build`."""
    return builder.build(
        root,
        settings_file,
        output,
        cache=cache,
        accept_empty=accept_empty,
        steps=[SearchStep(), AuthoringStep()],
    )
