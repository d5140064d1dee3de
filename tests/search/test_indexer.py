"""The index holds what is public, all of it and nothing else, and is whole at every moment."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from plugins.cli.verify import verify
from plugins.discussion.client.http import Client
from plugins.discussion.client.snapshot import Snapshot
from plugins.search import bundle, engine, index_check, index_lock, indexer, paths
from plugins.search.errors import SearchError
from plugins.search.records import Record, records
from plugins.search.state import State
from plugins.shared import files as pages
from plugins.shared import progress
from plugins.shared.errors import DiscussionError
from tests.discussion.api_server import Wire
from tests.discussion.samples import identifier, removed, reply
from tests.search.conftest import OUTPUT, SETTINGS, Indexed

FIRST = f"/networking/#comment-{identifier(1)}"
SECOND = f"/networking/#comment-{identifier(2)}"


def test_articles_and_replies_are_found_each_at_its_own_address(site: Indexed) -> None:
    done = site.index()
    assert done is not None
    assert done.records == 3
    texts = site.texts()
    assert set(texts) == {"/networking/", FIRST, SECOND}
    assert "Words about people." in texts["/networking/"]
    assert texts[FIRST] == "Reply number 1."


def test_replies_are_no_part_of_their_article_s_text(site: Indexed) -> None:
    site.index()
    assert "Reply number" not in site.texts()["/networking/"]


def test_a_hidden_article_and_the_replies_to_it_are_not_found(wire: Wire, site: Indexed) -> None:
    wire.put("secret", [reply(9)])
    site.build()
    site.index()
    assert not any("secret" in url for url in site.texts())


def test_the_build_leads_readers_to_the_index_by_a_link(site: Indexed) -> None:
    site.index()
    shown = site.root / OUTPUT / paths.LINK
    assert shown.is_symlink()
    assert (shown / engine.ENTRY).is_file()
    site.build()
    assert (site.root / OUTPUT / paths.LINK / engine.ENTRY).is_file()


def test_nothing_new_changes_no_file(site: Indexed) -> None:
    site.index()
    before = {path: (site.bundle / path).stat().st_ino for path in site.files()}
    done = site.index()
    assert done is not None
    assert not done.made
    assert {path: (site.bundle / path).stat().st_ino for path in site.files()} == before


def test_the_same_replies_give_the_same_bytes(site: Indexed) -> None:
    site.index()
    before = site.files()
    for path in sorted(site.bundle.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    paths.state_of(site.var, site.root / OUTPUT).unlink()
    site.index()
    assert site.files() == before


def test_a_new_reply_is_found(wire: Wire, client: Client, site: Indexed) -> None:
    site.index()
    wire.put("networking", [reply(1), reply(2, 1), reply(3)])
    site.index(client)
    assert f"/networking/#comment-{identifier(3)}" in site.texts()


@pytest.mark.parametrize("left", [[reply(1)], [reply(1), removed(2, 1), reply(4, 2)]])
def test_a_reply_that_was_taken_back_is_not_found(
    wire: Wire, client: Client, site: Indexed, left: list[dict[str, object]]
) -> None:
    site.index()
    wire.put("networking", left)
    site.index(client)
    assert SECOND not in site.texts()
    assert "Reply number 2." not in site.texts().values()


def test_its_text_goes_even_when_no_new_index_can_be_made(
    wire: Wire, client: Client, site: Indexed, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.index()

    def fail(*_: object) -> None:
        raise SearchError("no engine")

    monkeypatch.setattr(engine, "make", fail)
    wire.put("networking", [reply(1)])
    with pytest.raises(SearchError):
        site.index(client)
    assert SECOND not in site.texts()
    assert FIRST in site.texts()


def test_a_reply_that_is_approved_again_is_found_again(
    wire: Wire, client: Client, site: Indexed
) -> None:
    site.index()
    wire.put("networking", [reply(1)])
    taken = site.index(client, make=False)
    assert taken is not None
    assert not taken.made
    assert SECOND not in site.texts()
    wire.put("networking", [reply(1), reply(2, 1)])
    site.index(client)
    assert SECOND in site.texts()


def test_files_of_the_index_before_stay_a_while(wire: Wire, client: Client, site: Indexed) -> None:
    site.index(at=1000.0)
    before = set(site.files())
    wire.put("networking", [reply(1), reply(2, 1), reply(3)])
    site.index(client, at=1000.0)
    assert before <= set(site.files())
    site.index(client, at=1000.0 + indexer.GRACE_SECONDS)
    gone = before - set(site.files())
    assert gone
    assert all(name.endswith(("pf_meta", "pf_index", "pf_filter")) for name in gone)


@pytest.mark.parametrize("reached", ["take back", "show", "entry", "save"])
def test_whoever_is_killed_half_way_leaves_a_whole_index(
    wire: Wire, client: Client, site: Indexed, monkeypatch: pytest.MonkeyPatch, reached: str
) -> None:
    site.index()
    wire.put("networking", [reply(1), reply(3)])

    class Killed(BaseException):
        pass

    def kill(*_: object, **__: object) -> None:
        raise Killed

    at = {
        "take back": (engine, "make"),
        "show": (bundle, "show"),
        "entry": (pages, "replace"),
        "save": (State, "save"),
    }
    with monkeypatch.context() as patch:
        patch.setattr(*at[reached], kill)
        with pytest.raises(Killed):
            site.index(client)
    entry = json.loads((site.bundle / engine.ENTRY).read_bytes())
    for language in entry["languages"].values():
        assert (site.bundle / f"pagefind.{language['hash']}.pf_meta").is_file()
    # The next round needs no help.
    site.index(client)
    site.index(client, at=indexer.GRACE_SECONDS * 2)
    assert set(site.texts()) == {"/networking/", FIRST, f"/networking/#comment-{identifier(3)}"}
    site.build()
    assert verify(site.root, SETTINGS, OUTPUT) == []
    assert not list((site.var / "search").glob("work-*"))


def test_a_reply_of_a_round_that_was_killed_late_and_then_taken_back_is_found_no_longer(
    wire: Wire, client: Client, site: Indexed, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.index()
    wire.put("networking", [reply(1), reply(2, 1), reply(3)])

    class Killed(BaseException):
        pass

    save = State.save

    def kill(state: State, path: Path) -> None:
        if state.engine:
            raise Killed
        save(state, path)

    # The new index is shown by then, and what it holds is not written down yet.
    with monkeypatch.context() as patch:
        patch.setattr(State, "save", kill)
        with pytest.raises(Killed):
            site.index(client)
    third = f"/networking/#comment-{identifier(3)}"
    assert third in site.texts()
    wire.put("networking", [reply(1), reply(2, 1)])
    site.index(client)
    site.index(client, at=indexer.GRACE_SECONDS * 2)
    assert third not in site.texts()


def test_what_nobody_can_be_asked_about_is_not_indexed_and_what_is_taken_back_goes(
    wire: Wire, client: Client, site: Indexed
) -> None:
    site.index()
    wire.put("networking", [reply(1), reply(3, html="<p>Write to ann@example.org.</p>")])
    with Snapshot(site.var / "discussions.sqlite3") as snapshot:
        snapshot.sync(client)
        wire.failures += [503] * 20
        with pytest.raises(DiscussionError):
            indexer.update(
                (site.root / OUTPUT).absolute(), site.var.absolute(), snapshot, client.private
            )
    assert set(site.texts()) == {"/networking/", FIRST}


def test_without_replies_and_articles_there_is_no_index(
    wire: Wire, client: Client, site: Indexed
) -> None:
    site.index()
    for path in (site.root / "content").glob("*.md"):
        path.unlink()
    site.build()
    site.index(client)
    assert site.files() == {}


def test_verify_names_what_the_search_lacks(
    wire: Wire, site: Indexed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plugins.cli.verify.PATIENCE_SECONDS", 0.0)
    assert {one.what for one in verify(site.root, SETTINGS, OUTPUT)} == {"missing"}
    site.index()
    assert verify(site.root, SETTINGS, OUTPUT) == []
    next((site.bundle / "fragment").iterdir()).write_bytes(b"something else")
    [found] = verify(site.root, SETTINGS, OUTPUT)
    assert found.what == "differs"
    assert found.file.startswith("search/files/fragment/")


@contextmanager
def a_round(site: Indexed, ended: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """A round of indexing beside the block, which goes on until `ended` or the block's end."""
    begun, stop = threading.Event(), threading.Event()

    def slow(*given: Any) -> Iterator[Record]:
        begun.set()
        while not (ended() or stop.wait(0.02)):
            pass
        yield from records(*given)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(indexer, "records", slow)
        thread = threading.Thread(target=site.index)
        thread.start()
        try:
            assert begun.wait(60)
            yield
        finally:
            stop.set()
            thread.join(60)
            assert not thread.is_alive()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong is not waited for; looks at the lock come at once."""
    monkeypatch.setattr("plugins.cli.verify.PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr("plugins.search.index_lock.LOOK_EVERY_SECONDS", 0.05)


@pytest.mark.usefixtures("hasty")
def test_verify_waits_for_an_index_that_is_being_made_and_says_so(
    site: Indexed, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "QUIET_SECONDS", 0.0)
    looks: list[bool] = []
    look = index_lock.under_way

    def noted(var: Path) -> bool:
        looks.append(look(var))
        return looks[-1]

    monkeypatch.setattr(index_lock, "under_way", noted)
    with a_round(site, ended=lambda: len(looks) > 3):
        assert verify(site.root, SETTINGS, OUTPUT) == []
    assert "Seconds waited for the search index: " in capsys.readouterr().err


@pytest.mark.usefixtures("hasty")
def test_a_round_that_ends_while_verify_compares_is_no_difference(
    site: Indexed, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = index_check.differences
    rounds_made: list[object] = []

    def meanwhile(*given: Any) -> Iterator[tuple[str, str]]:
        found = list(compared(*given))
        if not rounds_made:
            rounds_made.append(site.index())
        yield from found

    monkeypatch.setattr(index_check, "differences", meanwhile)
    assert verify(site.root, SETTINGS, OUTPUT) == []
    assert len(rounds_made) == 1


@pytest.mark.usefixtures("hasty")
def test_an_index_that_takes_too_long_is_said_to_be_still_in_the_making(
    site: Indexed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plugins.cli.verify.INDEX_PATIENCE_SECONDS", 0.0)
    with a_round(site), pytest.raises(SearchError, match="index is still being made"):
        verify(site.root, SETTINGS, OUTPUT)


def test_a_look_for_a_round_leaves_nothing_behind(tmp_path: Path) -> None:
    assert not index_lock.under_way(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_reply_that_the_gate_refuses_is_not_found(
    wire: Wire, client: Client, site: Indexed
) -> None:
    wire.put("networking", [reply(1), reply(3, html="<p>Write to ann@example.org.</p>\n")])
    wire.private.add("ann@example.org")
    site.index(client)
    assert not any("ann@example.org" in text for text in site.texts().values())


def test_without_a_program_for_this_machine_the_mend_is_said(
    site: Indexed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PAGEFIND_BINARY_PATH", str(tmp_path / "nothing"))
    with pytest.raises(SearchError, match="DISCUSSION_SEARCH = False"):
        site.index()


def test_a_theme_without_the_mark_is_told(site: Indexed) -> None:
    page = site.root / OUTPUT / "networking" / "index.html"
    page.write_text(page.read_text().replace("data-pagefind-body", ""))
    with pytest.raises(DiscussionError, match="data-pagefind-body"):
        site.index()


def test_a_site_may_do_without(site: Indexed) -> None:
    conf = site.root / "pelicanconf.py"
    conf.write_text(conf.read_text() + "\nDISCUSSION_SEARCH = False\n")
    site.build()
    assert site.index() is None
    assert not os.path.lexists(site.root / OUTPUT / paths.LINK)
