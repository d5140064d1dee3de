"""Static call graph of the service, for tests of rules about calls."""

import ast
from functools import cache
from pathlib import Path

from tests.test_imports import modules


@cache
def calls() -> dict[str, set[str]]:
    """Maps each function of the service to the functions that it calls by a resolvable name.

    Functions are named "module.function", with the class of a method between.
    """
    known = modules("comments_service")
    found: dict[str, set[str]] = {}
    for module, path in known.items():
        tree = ast.parse(path.read_text("utf-8"))
        names = _imported(tree)
        for node in tree.body:
            inside = node.body if isinstance(node, ast.ClassDef) else [node]
            prefix = f"{module}.{node.name}" if isinstance(node, ast.ClassDef) else module
            for one in inside:
                if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef):
                    found[f"{prefix}.{one.name}"] = _called(one, module, names)
    return found


def callers(called: str) -> set[str]:
    """Return the functions that call it, without the name of the package."""
    whole = f"comments_service.{called}"
    return {_short(one) for one, names in calls().items() if whole in names}


def reaching(*called: str) -> set[str]:
    """Return the functions that call one of them, themselves or through others."""
    found = {f"comments_service.{one}" for one in called}
    while more := {one for one, names in calls().items() if names & found} - found:
        found |= more
    return {_short(one) for one in found}


def holding(text: str, folder: str = "") -> set[str]:
    """Return the modules of the service whose source has that text."""
    return {
        _short(name)
        for name, path in modules("comments_service").items()
        if name.startswith(f"comments_service{folder}") and text in Path(path).read_text("utf-8")
    }


def _short(name: str) -> str:
    return name.removeprefix("comments_service.")


def _imported(tree: ast.Module) -> dict[str, str]:
    return {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def _called(function: ast.AST, module: str, names: dict[str, str]) -> set[str]:
    found = set()
    # Also count names without a call: the function may be passed as a callback.
    for node in ast.walk(function):
        if isinstance(node, ast.Name):
            found.add(names.get(node.id, f"{module}.{node.id}"))
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found.add(f"{names.get(node.value.id, node.value.id)}.{node.attr}")
    return found
