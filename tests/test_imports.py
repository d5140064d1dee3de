"""Who may import whom, as the design has it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# The service's rooms in the order of dependency: each may import those before it.
ORDER = [
    "language",
    "errors",
    "error_log",
    "smtp",
    "addresses",
    "settings",
    "tables",
    "ids",
    "words",
    "wordlist",
    "network",
    "store",
    "rate_limit",
    "live",
    "actors",
    "autolinks",
    "numbering",
    "markup",
    "invisible",
    "draft",
    "privacy",
    "rules",
    "bans",
    "rulebook",
    "submission",
    "simulator",
    "versions",
    "moderation",
    "rerender",
    "own",
    "trust",
    "upkeep",
    "scrubbing",
    "bulk",
    "bulk_drafts",
    "last_action",
    "mail",
    "passwords",
    "auth",
    "known_browser",
    "second_factor",
    "throttle",
    "account",
    "team",
    "helper",
    "web",
    "migrations",
    "demo",
    "app",
    "startup",
    "log_lines",
    "commands",
]


def modules(package: str) -> dict[str, Path]:
    """Every module of a package by its dotted name."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in (ROOT / package).rglob("*.py")
    }


def imports_of(path: Path) -> set[str]:
    """The dotted names that a file imports, at any depth."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are written whole here"
            assert node.module
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def tops(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports_of(path)}


@pytest.mark.parametrize(
    ("house", "foreign"),
    [
        ("comments_service", {"plugins", "pelican", "rejoinder"}),
        ("plugins", {"comments_service", "rejoinder", "sqlalchemy", "fastapi", "starlette"}),
        ("rejoinder", {"comments_service", "plugins", "pelican", "sqlalchemy", "fastapi"}),
    ],
)
def test_the_houses_stay_apart(house: str, foreign: set[str]) -> None:
    for name, path in modules(house).items():
        assert not tops(path) & foreign, name


def test_the_service_imports_in_one_direction_only() -> None:
    for name, path in modules("comments_service").items():
        parts = name.split(".")
        if len(parts) == 1 or parts[1] not in ORDER:
            assert len(parts) == 1, f"{name} has no place in the order"
            continue
        for imported in imports_of(path):
            other = imported.split(".")
            if other[0] != "comments_service" or len(other) == 1:
                continue
            assert ORDER.index(other[1]) <= ORDER.index(parts[1]), f"{name} imports {imported}"


@pytest.mark.parametrize("package", ["comments_service", "plugins", "rejoinder"])
def test_no_import_goes_in_a_circle(package: str) -> None:
    known = modules(package)
    graph = {name: imports_of(path) & known.keys() - {name} for name, path in known.items()}
    # Importing from a package's __init__ is importing the package.
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join([*path, name])
        if name not in done:
            for other in graph[name]:
                if not name.startswith(other + "."):
                    visit(other, (*path, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def test_sql_is_written_in_the_store_only() -> None:
    for name, path in modules("comments_service").items():
        if name.startswith(("comments_service.store", "comments_service.migrations")):
            continue
        for imported in imports_of(path):
            if imported.startswith("sqlalchemy") and not name.endswith(".tables"):
                allowed = {"sqlalchemy", "sqlalchemy.Connection", "sqlalchemy.Engine"}
                errors = imported.startswith("sqlalchemy.exc")
                assert imported in allowed or errors, f"{name} imports {imported}"


def test_only_the_composition_root_sees_everything() -> None:
    for name, path in modules("comments_service").items():
        if name not in {"comments_service.app", "comments_service.commands"}:
            assert "comments_service.app" not in imports_of(path), name


@pytest.mark.parametrize(
    ("module", "foreign"),
    [
        ("comments_service.app", "pelican"),
        ("plugins.discussion.publisher", "pelican"),
        ("plugins.discussion.publisher", "comments_service"),
        ("rejoinder.cli", "pelican"),
    ],
)
def test_what_runs_does_not_load_the_other_house(module: str, foreign: str) -> None:
    script = f"import {module}, sys; sys.exit({foreign!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0
