"""What others say of pages: Lighthouse and the Nu HTML checker, from npm, pinned with hashes."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.peers import KEPT
from benchmarks.report import note
from tests import browser

HERE = Path(__file__).parent
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
CHROME_FLAGS = ["--headless=new", *browser.FLAGS]


class Judged(NamedTuple):
    """Lighthouse's points of one page, 0 to 100 by category, and its cumulative layout shift."""

    points: dict[str, int]
    shift: float
    # What cost points, in Lighthouse's words.
    faults: list[str]


def programs() -> Path:
    """Return the folder of the installed packages; installs them if the lock changed."""
    if shutil.which("npm") is None or shutil.which("java") is None:
        sys.exit("This benchmark needs npm (Node.js 18 or newer) and java (11 or newer).")
    lock = HERE / "npm" / "package-lock.json"
    folder = KEPT / "npm"
    stamp = folder / "made-from"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        note(f"Installing Lighthouse and the Nu checker into {folder} (once) ...")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(HERE / "npm", folder)
        quiet = [
            "--legacy-peer-deps",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
        ]
        subprocess.run(["npm", "ci", *quiet], cwd=folder, check=True)
        stamp.write_text(wanted)
    return folder / "node_modules"


def lighthouse(url: str) -> Judged:
    """Return what Lighthouse says of a page by its mobile profile, with scripts on."""
    with tempfile.TemporaryDirectory() as profile:
        done = subprocess.run(
            [
                *("node", str(programs() / "lighthouse" / "cli" / "index.js"), url),
                *("--quiet", "--output=json", f"--only-categories={','.join(CATEGORIES)}"),
                f"--chrome-flags={' '.join(CHROME_FLAGS)} --user-data-dir={profile}",
            ],
            env=os.environ | {"CHROME_PATH": browser.find() or ""},
            check=False,
            capture_output=True,
            text=True,
        )
    if done.returncode:
        raise SystemExit(f"Lighthouse could not look at {url}:\n{done.stderr}")
    found = json.loads(done.stdout)
    return Judged(
        {name: round(found["categories"][name]["score"] * 100) for name in CATEGORIES},
        float(found["audits"]["cumulative-layout-shift"]["numericValue"]),
        list(_faults(found)),
    )


def _faults(found: dict[str, Any]) -> Iterable[str]:
    for category in found["categories"].values():
        for weighed in category["auditRefs"]:
            audit = found["audits"][weighed["id"]]
            if weighed["weight"] and audit["score"] is not None and audit["score"] < 1:
                yield f"{audit['title']} ({audit.get('displayValue') or audit['score']})"


def nu(pages: Iterable[Path]) -> list[str]:
    """Return the errors and warnings of the Nu HTML checker about HTML files."""
    jar = programs() / "vnu-jar" / "build" / "dist" / "vnu.jar"
    done = subprocess.run(
        ["java", "-jar", str(jar), "--format", "json", "--stdout", *map(str, pages)],
        check=False,
        capture_output=True,
        text=True,
    )
    messages = json.loads(done.stdout)["messages"]
    return [
        f"{Path(one.get('url', '')).as_posix()}:{one.get('lastLine', 0)}: {one['message']}"
        for one in messages
        if one["type"] == "error" or one.get("subType") == "warning"
    ]
