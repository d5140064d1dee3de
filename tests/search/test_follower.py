"""The index follows the pages while the publisher runs, by the real commands."""

from __future__ import annotations

from tests.discussion.api_server import Wire
from tests.discussion.samples import eventually, identifier, reply
from tests.discussion.test_commands import running, said
from tests.search.conftest import Indexed

THIRD = f"/networking/#comment-{identifier(3)}"


def test_an_approved_reply_is_soon_found_and_one_taken_back_is_not(
    wire: Wire, site: Indexed
) -> None:
    with running(site.root, "publish") as process:
        eventually(lambda: "/networking/" in site.texts(), 20)
        wire.put("networking", [reply(1), reply(2, 1), reply(3)])
        eventually(lambda: THIRD in site.texts(), 20)
        wire.put("networking", [reply(1), reply(2, 1)])
        eventually(lambda: THIRD not in site.texts(), 20)
        assert process.poll() is None
    assert "event=indexed" in said(site.root)


def test_a_new_build_is_indexed_too(wire: Wire, site: Indexed) -> None:
    with running(site.root, "publish"):
        eventually(lambda: "/networking/" in site.texts(), 20)
        path = site.root / "content" / "networking.md"
        path.write_text(path.read_text().replace("Words about people.", "Other sentences."))
        site.build()
        eventually(lambda: "Other sentences." in site.texts().get("/networking/", ""), 20)
