"""Which package may import which, as docs/architecture.md lists them."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Package or module -> what it may import of the same top-level package, besides itself.
SERVICE = {
    "domain": set(),
    "error_log": set(),
    "log_format": set(),
    "settings": {"domain"},
    "store": {"domain"},
    "startup": {"domain", "store"},
    "migrations": {"domain", "store"},
    "services": {"domain", "error_log", "settings", "store"},
    "mail": {"domain", "error_log", "services", "settings", "store"},
    "web.support": {"domain", "error_log", "services", "settings", "store"},
    "web.public": {"domain", "services", "store", "web.support"},
    "web.moderation": {
        "domain", "error_log", "mail", "services", "store", "web.public", "web.support",
    },
    "web.api": {"domain", "services", "store", "web.support"},
    "web": {
        "domain", "error_log", "services", "store", "web.api", "web.moderation", "web.public",
        "web.support",
    },
    "app": {
        "domain", "error_log", "mail", "services", "settings", "store", "web", "web.api",
        "web.moderation", "web.public", "web.support",
    },
    "cli": {
        "app", "domain", "log_format", "mail", "migrations", "services", "settings", "startup",
        "store", "web.support",
    },
}  # fmt: skip
PLUGINS = {
    "shared": set(),
    "language": {"shared"},
    "quick": {"shared"},
    "robots": {"shared"},
    "minify_css": {"shared"},
    "reading": {"quick", "shared"},
    "cards": {"quick", "shared"},
    "pictures": {"quick", "shared"},
    "discussion.model": {"language", "shared"},
    "discussion.client": {"discussion.model", "shared"},
    "discussion.render": {"discussion.client", "discussion.model", "language", "shared"},
    "discussion.publish": {
        "discussion.client", "discussion.model", "discussion.render", "shared",
    },
    "discussion.build": {
        "discussion.client", "discussion.model", "discussion.publish", "discussion.render",
        "language", "shared",
    },
    "discussion": {"discussion.build", "language"},
    "authoring": {"discussion.model", "language", "shared"},
    "search": {
        "discussion.client", "discussion.model", "discussion.publish", "discussion.render",
        "shared",
    },
    "cli": {
        "authoring", "discussion.build", "discussion.client", "discussion.model",
        "discussion.publish", "quick", "search", "shared",
    },
}  # fmt: skip
LAYERS = {"comments_service": SERVICE, "plugins": PLUGINS}
# These have subpackages that are layers of their own.
SPLIT = {"web", "discussion"}


def modules(package: str) -> dict[str, Path]:
    """Every module of a package by its dotted name."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in (ROOT / package).rglob("*.py")
    }


def imports_of(path: Path) -> set[str]:
    """The dotted names that a file imports, at any depth."""
    package = path.relative_to(ROOT).parent.parts
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            name = ".".join([*base, *([node.module] if node.module else [])])
            found |= {name} | {f"{name}.{alias.name}" for alias in node.names}
    return found


def tops(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports_of(path)}


def layer_of(name: str) -> str | None:
    """The layer of a dotted name; None for the top-level package itself."""
    parts = name.split(".")
    if len(parts) == 1:
        return None
    top, rest = parts[0], parts[1:]
    if rest[0] in SPLIT and ".".join(rest[:2]) in LAYERS[top]:
        return ".".join(rest[:2])
    return rest[0]


@pytest.mark.parametrize(
    ("package", "foreign"),
    [
        ("comments_service", {"plugins", "pelican", "rejoinder"}),
        ("plugins", {"comments_service", "rejoinder", "sqlalchemy", "fastapi", "starlette"}),
        ("rejoinder", {"comments_service", "plugins", "pelican", "sqlalchemy", "fastapi"}),
    ],
)
def test_service_plugins_and_launcher_share_no_code(package: str, foreign: set[str]) -> None:
    for name, path in modules(package).items():
        assert not tops(path) & foreign, name


@pytest.mark.parametrize("top", LAYERS)
def test_each_package_imports_only_the_layers_it_may(top: str) -> None:
    layers = LAYERS[top]
    known = modules(top)
    for name, path in known.items():
        layer = layer_of(name)
        if layer is None:
            continue
        assert layer in layers, f"{name} is in no layer; add it to tests/test_imports.py"
        for imported in imports_of(path):
            if imported.split(".")[0] != top or imported not in known:
                continue
            other = layer_of(imported)
            allowed = {layer, None, *layers[layer]}
            assert other in allowed, f"{name} imports {imported}"


@pytest.mark.parametrize("top", LAYERS)
def test_no_two_packages_import_each_other(top: str) -> None:
    layers = LAYERS[top]
    done: set[str] = set()

    def visit(layer: str, path: tuple[str, ...]) -> None:
        assert layer not in path, " -> ".join([*path, layer])
        if layer not in done:
            for other in layers[layer]:
                visit(other, (*path, layer))
            done.add(layer)

    for layer in layers:
        visit(layer, ())


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
        if name not in {"comments_service.app", "comments_service.cli"}:
            assert "comments_service.app" not in imports_of(path), name


@pytest.mark.parametrize(
    ("module", "foreign"),
    [
        ("comments_service.app", "pelican"),
        ("plugins.discussion.publish.publisher", "pelican"),
        ("plugins.discussion.publish.publisher", "comments_service"),
        ("rejoinder.cli", "pelican"),
    ],
)
def test_what_runs_does_not_load_the_other_house(module: str, foreign: str) -> None:
    script = f"import {module}, sys; sys.exit({foreign!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0


def test_plugins_import_each_other_relatively() -> None:
    """So that they can be packaged under another name."""
    for name, path in modules("plugins").items():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                assert not (node.module or "").startswith("plugins"), name


def test_nothing_in_web_opens_a_transaction() -> None:
    for name, path in modules("comments_service/web").items():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            opens = (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in {"read", "write"}
                and ast.unparse(node.func.value).endswith("db")
            )
            assert not opens, f"{name} opens a transaction; add a service for it"


def test_handlers_find_everything_on_the_context() -> None:
    allowed = {
        "comments_service.app": 2,
        "comments_service.cli": 1,
        "comments_service.web.support.context": 1,
    }
    for name, path in modules("comments_service").items():
        assert path.read_text("utf-8").count("app.state.") <= allowed.get(name, 0), name
