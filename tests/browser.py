"""Finds or installs a Chromium for the browser tests; `make test` runs it before the tests.

It prefers an installed Chromium or Chrome, then Playwright's own. Otherwise Playwright downloads
one; if that fails, root on Debian installs the package.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find() -> str | None:
    """Return the path of an installed browser, or None."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


def get() -> str:
    """Return the path of a browser; downloads one if none is installed."""
    if found := find():
        return found
    print("No Chromium or Chrome is installed; fetching one ...", flush=True)
    subprocess.run(
        [sys.executable, "-m", "playwright", "install", "--with-deps", "chromium"], check=False
    )
    if (found := find()) is None and os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "update", "-qq"], check=False)
        subprocess.run(["apt-get", "install", "-y", "-qq", "chromium"], check=False)
        found = find()
    if found is None:
        sys.exit("The browser tests need Chromium or Chrome; install one, then run: make test")
    return found


@contextmanager
def browser() -> Iterator[Browser]:
    """Launch a browser with a new profile, headless unless HEADED=1."""
    path = find()
    assert path, "no browser; run: make browser"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=path, args=FLAGS, headless=not os.environ.get("HEADED")
        )
        yield running
        running.close()


if __name__ == "__main__":
    print(f"Browser for the tests: {get()}")
