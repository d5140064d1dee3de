"""What a build leaves for the publisher in `output/.discussion/`: pages, settings, templates.

With it the publisher renders exactly as the build did, and needs neither Pelican nor its settings.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from plugins.discussion import page as pages
from plugins.discussion.errors import DiscussionError, ManifestError
from plugins.discussion.model import Page, page_json, read_page
from plugins.discussion.render import TEMPLATE, RenderSettings

FOLDER = ".discussion"
NAME = "pages.json"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """A page and the file that shows it, as a POSIX path below the output."""

    page: Page
    file: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """One build's pages by key, and how it rendered their discussions."""

    settings: RenderSettings
    entries: dict[str, Entry]

    @property
    def pages(self) -> list[Page]:
        """The pages that take replies, sorted by key."""
        return [entry.page for entry in self.entries.values()]


def path_of(output: Path) -> Path:
    """The manifest's file in this output."""
    return output / FOLDER / NAME


def templates_of(output: Path) -> Path:
    """The folder of the discussion templates that the build in this output used."""
    return output / FOLDER / "templates"


def write(output: Path, settings: RenderSettings, entries: Iterable[Entry]) -> Manifest:
    """Write the manifest: sorted, so that equal builds give equal bytes."""
    by_key = {entry.page.key: entry for entry in sorted(entries, key=lambda one: one.page.key)}
    for entry in by_key.values():
        _inside(entry.file)
    data = {
        "version": VERSION,
        "settings": settings.as_json(),
        "pages": [{"file": entry.file, **page_json(entry.page)} for entry in by_key.values()],
    }
    text = json.dumps(data, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    path_of(output).parent.mkdir(parents=True, exist_ok=True)
    pages.replace(path_of(output), text.encode())
    return Manifest(settings, by_key)


def load(output: Path) -> Manifest:
    """Read the manifest of a build; ManifestError says what is wrong with it."""
    path = path_of(output)
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise ManifestError(
            f"{path} is missing: there is no build with discussions; run: rejoinder build"
        ) from None
    except (OSError, ValueError) as error:
        raise ManifestError(f"{path} cannot be read; run: rejoinder build") from error
    try:
        if data["version"] != VERSION:
            raise ManifestError(f"{path} is of another version; run: rejoinder build")
        entries = [
            Entry(read_page(one, f"pages[{i}]"), _inside(str(one["file"])))
            for i, one in enumerate(data["pages"])
        ]
        settings = RenderSettings.from_json(data["settings"])
    except (KeyError, TypeError, AttributeError, DiscussionError) as error:
        raise ManifestError(f"{path}: {error}; run: rejoinder build") from error
    return Manifest(settings, {entry.page.key: entry for entry in entries})


def keep_templates(source: Path, output: Path) -> Path:
    """Copy the discussion templates into the output; returns the copy, which is what renders."""
    if not (source / TEMPLATE).is_file():
        raise ManifestError(
            f"{source / TEMPLATE} is missing: the theme has no discussion template (docs/theme.md)"
        )
    target = templates_of(output)
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(".*", "*~", "__pycache__"))
    return target


def _inside(file: str) -> str:
    path = PurePosixPath(file)
    if not file or path.is_absolute() or ".." in path.parts or "\\" in file or "\0" in file:
        raise ManifestError(f"the file {file!r} is not inside the output")
    return file
