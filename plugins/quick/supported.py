"""The versions of Pelican and Markdown that quick builds support.

The package replaces internals of both that their authors may change in any minor release. With any
other version it changes nothing, and Pelican builds the site by itself.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

# Minor versions by distribution: those that requirements.lock pins and tests/quick compares with.
SUPPORTED = {"pelican": "4.12", "markdown": "3.11"}


def problem() -> str | None:
    """Return one sentence naming the supported and the installed versions; None if they agree."""
    installed = {name: _installed(name) for name in SUPPORTED}
    if all(_minor(installed[name]) == minor for name, minor in SUPPORTED.items()):
        return None
    wanted = " and ".join(f"{name} {minor}" for name, minor in SUPPORTED.items())
    present = " and ".join(f"{name} {number}" for name, number in installed.items())
    return f"plugins.quick supports {wanted} and found {present}; Pelican builds the site alone."


def _minor(number: str) -> str:
    return ".".join(number.split(".")[:2])


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "(not installed)"
