"""What the documents say is true."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

from comments_service.domain import comment_form
from comments_service.settings import PREFIX, Settings
from docs.tour.camera import LIMIT
from docs.tour.screenshots import PICTURES
from plugins.discussion.model.options import Limits

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
TOUR = ROOT / "docs" / "tour"


def text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def test_every_setting_of_the_service_is_documented_with_its_default() -> None:
    service = text("docs/settings.md").split("## The site side")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", service, re.MULTILINE))
    for name, field in Settings.model_fields.items():
        told = rows[PREFIX + name.upper()]
        if field.is_required():
            assert "required" in told
        else:
            shown = "unset" if field.default is None else f"`{field.default}`"
            assert told.strip() == shown, name


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads(text("pyproject.toml"))["project"]
    extras = project["optional-dependencies"]
    declared = project["dependencies"] + extras["dev"] + extras["install"]
    wanted = {re.match(r"[\w-]+", one)[0] for one in declared}  # type: ignore[index]
    table = re.findall(r"^\| (`[^|]+`) \|", text("docs/dependencies.md"), re.MULTILINE)
    assert {name for cell in table for name in re.findall(r"`([\w-]+)`", cell)} == wanted


def test_every_make_target_in_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", text("Makefile"), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z][a-z-]*)", text("README.md")))
    assert named
    assert named <= targets


def test_every_verb_in_the_readme_exists() -> None:
    verbs = {point.name for point in entry_points(group="rejoinder.commands")}
    named = set(re.findall(r"^(?:\.venv/bin/)?rejoinder ([a-z]+)", text("README.md"), re.MULTILINE))
    assert named
    assert named <= verbs


def test_the_help_names_every_verb() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rejoinder", "--help"], capture_output=True, text=True, check=True
    )
    for point in entry_points(group="rejoinder.commands"):
        assert re.search(rf"^  {point.name}\b", done.stdout, re.MULTILINE), point.name


def test_every_link_between_the_documents_leads_somewhere() -> None:
    for path in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text("utf-8")):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_the_tour_script_makes_exactly_the_pictures_that_are_there() -> None:
    assert sorted(PICTURES) == sorted(path.stem for path in TOUR.glob("*.png"))


def test_every_picture_that_the_script_makes_is_shown_and_every_shown_one_is_made() -> None:
    shown = {
        (path.parent / target).resolve()
        for path in DOCUMENTS
        for target in re.findall(r"!\[[^]]*\]\(([^)]+)\)", path.read_text("utf-8"))
    }
    assert shown == {TOUR / f"{name}.png" for name in PICTURES}


def test_every_picture_says_what_is_seen() -> None:
    for path in DOCUMENTS:
        for words in re.findall(r"!\[([^]]*)\]\(", path.read_text("utf-8")):
            assert len(words.split()) >= 10, f"{path.name}: {words}"


def test_no_picture_of_the_tour_is_heavy() -> None:
    for path in TOUR.glob("*.png"):
        assert path.stat().st_size <= LIMIT, path.name


def test_both_houses_have_the_same_limits() -> None:
    site = Limits()
    assert {name: getattr(site, name) for name in comment_form.LIMITS} == comment_form.LIMITS


def test_the_lock_files_name_no_index_and_pin_everything_by_hash() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        lock = text(name)
        assert "://" not in lock
        pinned = re.findall(r"^[a-z0-9].*$", lock, re.MULTILINE)
        assert pinned
        assert all("==" in line and line.endswith("\\") for line in pinned)
