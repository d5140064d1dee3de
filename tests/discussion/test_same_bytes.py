"""The central promise: the incremental page equals the full build, byte for byte."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plugins.cli.build import build_site
from plugins.discussion.client.snapshot import Snapshot
from plugins.discussion.model.discussions import Page, read_discussion, write_discussion
from plugins.discussion.model.options import RenderSettings
from plugins.discussion.publish import publisher
from plugins.discussion.publish.publisher import Publisher
from plugins.discussion.render.renderers import render
from tests.discussion.api_server import TOKEN, Wire, serve
from tests.discussion.samples import (
    TEMPLATES,
    article,
    client_of,
    discussion,
    eventually,
    following,
    make_site,
    swap,
    tree,
)
from tests.discussion.strategies import Step, comments, decisions, histories, names

KEYS = ["networking", "meetings", "größe-ü", "hello.de", "closed"]
ARTICLES = {
    "networking.md": article("Networking &amp; *more*", "networking", Question="How?"),
    "meetings.md": article("Meetings <b>x</b>", "meetings", "A $& \\1 {{ x }} text."),
    "size.md": article("Größe", "size", Discussion="größe-ü"),
    "hello.md": article("Hello", "hello", Lang="en"),
    "hallo.md": article("Hallo", "hello", Lang="de"),
    "closed.md": article("Closed", "closed", Comments="closed"),
}

# Long discussions, feeds, sitemap and twins; and every list that the theme can make.
EVERYTHING = """
SITEURL = "https://r.example"
FEED_ALL_ATOM = "feeds/all.atom.xml"
DISCUSSION_PAGE_SIZE = 2
DISCUSSION_PRECOMPRESS = ("gz",)
"""
MORE = {
    "small": "",
    "theme": """
CATEGORY_FEED_ATOM = "feeds/{slug}.atom.xml"
CATEGORY_SAVE_AS = "category/{slug}/index.html"
AUTHOR = "Ed"
AUTHOR_SAVE_AS = "author/{slug}/index.html"
DIRECT_TEMPLATES = ["index", "archives"]
YEAR_ARCHIVE_SAVE_AS = "{date:%Y}/index.html"
DEFAULT_PAGINATION = 2
""",
}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Wire, Path]]:
    root = tmp_path_factory.mktemp("same-bytes")
    with pytest.MonkeyPatch.context() as patch, serve() as wire:
        patch.setenv("REJOINDER_SERVICE_URL", wire.url)
        patch.setenv("REJOINDER_API_TOKEN", TOKEN)
        patch.setenv("REJOINDER_VAR", "var")
        patch.setattr(publisher, "WINDOW_SECONDS", 0.05)
        patch.setattr(publisher, "SHARED_PATIENCE", 0.01)
        patch.setattr(publisher, "SITEMAP_PATIENCE", 0.01)
        yield wire, root


@pytest.fixture(scope="module", params=["small", "theme"])
def project(request: pytest.FixtureRequest, environment: tuple[Wire, Path]) -> tuple[Wire, Path]:
    wire, root = environment
    theme = (
        Path(__file__).resolve().parents[2] if request.param == "theme" else TEMPLATES.parents[2]
    )
    return wire, make_site(root / request.param, ARTICLES, EVERYTHING + MORE[request.param], theme)


def build(root: Path) -> Path:
    return build_site(root, Path("pelicanconf.py"), Path("output")).root


@given(history=histories(KEYS), following_from=st.integers(0, 8), data=st.data())
@settings(
    max_examples=7,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_published_pages_equal_a_full_build(
    project: tuple[Wire, Path],
    history: list[Step],
    following_from: int,
    data: st.DataObject,
) -> None:
    wire, root = project
    shutil.rmtree(root / "var", ignore_errors=True)
    (root / "output").unlink(missing_ok=True)
    wire.replace(data.draw(st.sampled_from(["epoch-1", "epoch-2"])), {})
    store = root / "var" / "discussions.sqlite3"
    build(root)
    first, rest = history[:following_from], history[following_from:]
    # Some changes are made up for by a reconciliation, the others come one by one.
    for step in first:
        wire.put(*step)
    with Snapshot(store) as snapshot, client_of(wire.url) as client:
        Publisher(root / "output", snapshot, client).once()
    with following(root / "output", store, wire.url) as follower:
        for step in rest:
            wire.put(*step)
            if data.draw(st.booleans()):
                wire.wait_until_followed()
        wire.wait_until_followed()
        eventually(lambda: follower.waiting == 0)
    incremental = tree(root / "output")
    (root / "output").unlink()
    shutil.rmtree(root / "var")
    full = tree(build(root))
    assert incremental.keys() == full.keys()
    for name in full:
        assert incremental[name] == full[name], name


@given(
    made=st.lists(comments(8), min_size=1, max_size=4),
    title=names,
    question=st.one_of(st.just(""), names),
    opened=st.booleans(),
    decided=st.lists(decisions, min_size=4, max_size=4),
    depth=st.integers(1, 6),
    language=st.sampled_from(["en", "de", "ar", "zh"]),
)
@settings(max_examples=150, deadline=None)
def test_a_page_swapped_many_times_equals_one_written_once(
    tmp_path_factory: pytest.TempPathFactory,
    made: list[list[dict[str, Any]]],
    title: str,
    question: str,
    opened: bool,
    decided: list[bool | None],
    depth: int,
    language: str,
) -> None:
    shown = Page("networking", "/networking/", title, question, opened)
    how = RenderSettings("https://r.example/comments", language, depth)
    around = ("<h1>" + "x" * 50 + "</h1>\r\n", "\n<p>the end</p>")
    path = tmp_path_factory.getbasetemp() / "page.html"

    def write(fragment: str) -> None:
        path.write_bytes(f"{around[0]}{fragment}{around[1]}".encode())

    states = [
        read_discussion(discussion(one, revision=number + 1) | {"open": decided[number]})
        for number, one in enumerate(made)
    ]
    write(render(read_discussion(discussion([], revision=0)), shown, how, TEMPLATES))
    for state in states:
        # What the publisher renders has been through the snapshot's JSON.
        kept = read_discussion(json.loads(write_discussion(state)))
        swap(path, render(kept, shown, how, TEMPLATES))
    incremental = path.read_bytes()
    write(render(states[-1], shown, how, TEMPLATES))
    assert incremental == path.read_bytes()
