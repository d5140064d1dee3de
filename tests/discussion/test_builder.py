from __future__ import annotations

import threading
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from plugins.cli.build import build_site
from plugins.discussion.build import builder
from plugins.discussion.client.snapshot import Snapshot
from plugins.discussion.publish.built_site import Site
from plugins.shared.errors import BuildError
from tests.discussion.api_server import Wire
from tests.discussion.samples import (
    article,
    eventually,
    following,
    identities,
    make_site,
    reply,
    tree,
)


def build(root: Path) -> builder.Build:
    return build_site(root, Path("pelicanconf.py"), Path("output"))


def builds(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "var" / "builds").iterdir())


def test_output_is_a_link_to_the_newest_build(environ: Path) -> None:
    site = make_site(environ)
    done = build(site)
    assert (site / "output").is_symlink()
    assert (site / "output").resolve() == done.root
    assert not (site / "output").readlink().is_absolute()
    assert done.pages == 3


def test_the_build_before_is_kept_and_older_ones_are_removed(environ: Path) -> None:
    site = make_site(environ)
    names = [build(site).root.name for _ in range(3)]
    assert builds(site) == sorted(names[1:])


def test_what_a_killed_build_left_is_removed(environ: Path) -> None:
    site = make_site(environ)
    (site / "var" / "builds" / "20200101T000000Z-abcdef-output").mkdir(parents=True)
    elsewhere = site / "var" / "builds" / "20200101T000000Z-abcdef-preview"
    elsewhere.mkdir()
    done = build(site)
    assert builds(site) == sorted([done.root.name, elsewhere.name])


def test_files_that_did_not_change_keep_their_time(wire: Wire, environ: Path) -> None:
    site = make_site(environ)
    build(site)
    before = identities(site / "output")
    wire.put("networking", [reply(1)])
    (site / "content" / "meetings.md").write_text(article("Meetings", "meetings", "Other words."))
    time.sleep(0.02)
    build(site)
    after = identities(site / "output")
    assert before.keys() == after.keys()
    changed = {name for name in after if after[name][1] != before[name][1]}
    # The manifest knows the article's first words.
    changed.discard(".discussion/pages.sqlite3")
    assert changed == {"networking/index.html", "meetings/index.html", "index.html"}


def test_a_real_directory_is_moved_aside_and_kept(environ: Path) -> None:
    site = make_site(environ)
    (site / "output").mkdir()
    (site / "output" / "mine.html").write_text("mine")
    done = build(site)
    assert (site / "output").is_symlink()
    (other,) = set(builds(site)) - {done.root.name}
    assert (site / "var" / "builds" / other / "mine.html").read_text() == "mine"


@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        ("theme", "{% if %}", "TemplateSyntaxError"),
        ("content/networking.md", "Title: X\nDate: never\n\nWords.\n", "networking.md"),
        ("pelicanconf.py", "PLUGINS = [", "SyntaxError"),
        ("pelicanconf.py", "PLUGINS = ['no_such_plugin']\nPATH='content'", "no_such_plugin"),
        ("pelicanconf.py", "PATH = 'nowhere'", "path containing the content"),
    ],
)
def test_a_failing_build_leaves_the_output_and_no_rest(
    wire: Wire, environ: Path, file: str, text: str, reason: str
) -> None:
    site = make_site(environ, settings=f"THEME_TEMPLATES_OVERRIDES = [{str(environ / 't')!r}]")
    good = build(site)
    before = identities(good.root)
    path = site / "t" / "article.html" if file == "theme" else site / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    with pytest.raises(BuildError, match=reason):
        build(site)
    assert (site / "output").resolve() == good.root
    assert identities(good.root) == before
    assert builds(site) == [good.root.name]
    assert not list(site.glob("output.*"))


def test_the_report_on_a_failed_build_names_files_below_the_site(
    environ: Path, monkeypatch: Any
) -> None:
    site = make_site(environ)
    (environ / "lost_plugin.py").write_text(
        f"def register():\n    raise OSError('cannot read {site}/content/one.md')\n"
    )
    monkeypatch.syspath_prepend(str(environ))
    settings = site / "pelicanconf.py"
    settings.write_text(settings.read_text() + "\nPLUGINS = ['plugins.discussion', 'lost_plugin']")
    with pytest.raises(BuildError):
        build(site)
    report = (site / "var" / "build-report-output.txt").read_text()
    assert "cannot read content/one.md" in report
    assert str(site) not in report


def test_a_plugin_that_cannot_register_fails_the_build(environ: Path, monkeypatch: Any) -> None:
    (environ / "broken_plugin.py").write_text("def register():\n    raise ValueError('no luck')\n")
    monkeypatch.syspath_prepend(str(environ))
    site = make_site(environ)
    settings = site / "pelicanconf.py"
    settings.write_text(
        settings.read_text() + "\nPLUGINS = ['plugins.discussion', 'broken_plugin']"
    )
    with pytest.raises(BuildError, match="no luck"):
        build(site)
    assert not (site / "output").exists()


def test_an_approval_during_the_build_is_in_the_new_pages(
    wire: Wire, environ: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = make_site(environ)
    build(site)

    def approve_meanwhile(pelican: Any) -> None:
        wire.put("networking", [reply(1)])

    from pelican import signals

    signals.finalized.connect(approve_meanwhile)
    try:
        done = build(site)
    finally:
        signals.finalized.disconnect(approve_meanwhile)
    assert "<p>Reply number 1.</p>" in (done.root / "networking" / "index.html").read_text()


def test_what_the_publisher_wrote_during_the_build_is_not_lost(
    wire: Wire, environ: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = make_site(environ)
    build(site)
    # The build itself cannot ask again: only the snapshot, which the publisher follows, knows.
    monkeypatch.setattr(builder, "_service", lambda settings, snapshot: nullcontext())
    from pelican import signals

    def approve_meanwhile(pelican: Any) -> None:
        wire.put("networking", [reply(1)])
        page = site / "output" / "networking" / "index.html"
        eventually(lambda: "Reply number 1." in page.read_text())

    signals.finalized.connect(approve_meanwhile)
    try:
        with following(site / "output", site / "var" / "discussions.sqlite3", wire.url):
            wire.wait_until_followed()
            done = build(site)
            assert "Reply number 1." in (done.root / "networking" / "index.html").read_text()
    finally:
        signals.finalized.disconnect(approve_meanwhile)


def test_a_build_marks_its_pages_as_reconciled(environ: Path) -> None:
    site = make_site(environ)
    done = build(site)
    with Snapshot(site / "var" / "discussions.sqlite3") as snapshot:
        position = snapshot.position()
        assert position is not None
        shown = Site.open(site / "output")
        assert shown.root == done.root
        assert snapshot.reconciled() == (shown.name, position.generation)
        assert shown.reconcile(snapshot).written == []


def test_a_reader_sees_a_whole_site_at_every_instant(wire: Wire, environ: Path) -> None:
    site = make_site(environ)
    build(site)
    stop = threading.Event()
    problems: list[str] = []
    looked = 0

    def look() -> None:
        nonlocal looked
        while not stop.is_set():
            try:
                for name in ("networking/index.html", "index.html", "theme/site.css"):
                    text = (site / "output" / name).read_text()
                    if name == "networking/index.html" and not text.endswith("</html>"):
                        problems.append("half a page")
                looked += 1
            except OSError as error:
                problems.append(repr(error))

    reader = threading.Thread(target=look)
    reader.start()
    for number in range(4):
        wire.put("networking", [reply(number + 1)])
        build(site)
    stop.set()
    reader.join()
    assert problems == []
    assert looked > 10


def test_two_builds_at_once_take_turns(environ: Path) -> None:
    site = make_site(environ)
    build(site)
    processes = [_start_build(site) for _ in range(2)]
    assert [process.wait(30) for process in processes] == [0, 0]
    assert len(builds(site)) == 2
    assert tree(site / "output")


def _start_build(site: Path) -> Any:
    import subprocess
    import sys

    code = (
        "from pathlib import Path; from plugins.cli.build import build_site;"
        "build_site(Path.cwd(), Path('pelicanconf.py'), Path('output'))"
    )
    return subprocess.Popen([sys.executable, "-c", code], cwd=site, stdout=subprocess.DEVNULL)
