"""What was taken back or erased is in no file of the service or the site, read as bytes.

Real service, builds and publisher; older builds, caches, the search index and compressed copies
are files too.
"""

import gzip
import os
import re
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import brotli
import pytest
import requests

from tests.canary import traces_of
from tests.e2e.project import Project, serving
from tests.running import reply
from tests.service.pages import Page

# Full-text indexes keep only the part of a word that differs from its neighbour.
WORD = "Qzxwjvkflugelhornisch"
WORD_TAIL = "wjvkflugelhorn"
NAME = "Xqvortil Zwykkemans"
EMAIL = "Xqvortil.Zwykkemans@planted-erasure.example.org"
PATIENCE_SECONDS = 20.0

pytestmark = pytest.mark.xdist_group("erasure")


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Project]:
    """A served copy of the project with compressed copies of its pages."""
    with serving(tmp_path, 'DISCUSSION_PRECOMPRESS = ("gz", "br")\n') as project:
        yield project


def contents(path: Path) -> Iterator[bytes]:
    """The bytes of a file as they are, and unpacked where they are compressed."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return
    yield data
    if data.startswith(b"\x1f\x8b"):
        try:
            yield gzip.decompress(data)
        except (OSError, EOFError, zlib.error):
            return
    elif path.suffix == ".br":
        yield brotli.decompress(data)


def holders(project: Project, needles: list[bytes], *, service: bool) -> list[str]:
    """Every file of var/ and output/ that holds one of the needles, in any case."""
    files = (
        path
        for folder in (project.root / "var", (project.root / "output").resolve())
        for below, _, names in os.walk(folder)
        for path in (Path(below, name) for name in names)
        if path.is_file() and not path.is_symlink()
    )
    return sorted(
        str(path.relative_to(project.root))
        for path in set(files)
        if (service or not path.name.startswith("comments.sqlite3"))
        and any(one in data.lower() for data in contents(path) for one in needles)
    )


def assert_soon_gone(project: Project, needles: list[bytes], *, service: bool) -> None:
    """Wait until no file holds a needle; fail with the files that still do."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while held := holders(project, needles, service=service):
        assert time.monotonic() < deadline, held
        time.sleep(0.2)


class Admin:
    """The first admin of a served project, over HTTP."""

    def __init__(self, project: Project) -> None:
        self.url, self.http = project.url, requests.Session()
        page = Page(self.http.get(project.first_link, timeout=10).text)
        answer = self.http.post(
            project.first_link,
            data={
                "token": page.fields["token"],
                "email": "editor@example.org",
                "name": "Mara",
                "password": "a sentence that is long enough",
            },
            timeout=10,
        )
        assert answer.ok, answer.text
        self.token = Page(answer.text).fields["token"]

    def post(self, path: str, **fields: str) -> None:
        answer = self.http.post(self.url + path, data={"token": self.token, **fields}, timeout=10)
        assert answer.ok, answer.text

    def decide(self, public_id: str, action: str, was: str) -> None:
        path = f"/moderate/replies/{public_id}"
        shown = self.http.get(self.url + path, timeout=10).text
        version = Page(shown).all("input", name="version")[0].attributes["value"]
        self.post(path, action=action, was=was, version=version)


def test_no_file_holds_what_was_taken_back_and_then_erased(own: Project) -> None:
    admin = Admin(own)
    public = [WORD_TAIL.encode().lower(), NAME.encode().lower()]
    private = [*public, *(form.lower() for form in traces_of(EMAIL))]
    sent = requests.post(
        f"{own.url}/comments/networking",
        data=reply(comment=f"Quite {WORD}, I say.", author=NAME, email=EMAIL),
        allow_redirects=False,
        timeout=10,
    )
    public_id = sent.headers["Location"].split("/")[3]
    admin.decide(public_id, "approve", "pending")
    own.wait(lambda: WORD in own.page("networking"))
    # Two builds: one that shows, one that is kept, and what both leave for the next one.
    assert own.run("build").returncode == 0
    assert own.run("build", "--no-cache").returncode == 0
    own.wait(lambda: any("search" in one for one in holders(own, public, service=False)))
    held = holders(own, public, service=False)
    assert len({one.split("/")[2] for one in held if one.startswith("var/builds/")}) == 2
    assert any(one.startswith("var/discussions.sqlite3") for one in held)
    assert any(one.endswith(".br") for one in held)

    admin.decide(public_id, "trash", "approved")
    assert_soon_gone(own, public, service=False)

    assert holders(own, private, service=True)
    admin.post(f"/moderate/erase/{public_id}")
    assert_soon_gone(own, private, service=True)
    assert re.search("Leave a Reply", own.page("networking"))
