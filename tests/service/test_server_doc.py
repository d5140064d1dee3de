"""docs/server.md tells web servers what `rejoinder serve` does itself."""

import re
from pathlib import Path

from comments_service.web.public.static_site import HEADERS, POLICY, SEARCH_POLICY, SVG_POLICY
from comments_service.web.support.http_protocol import Limits

TEXT = (Path(__file__).parents[2] / "docs" / "server.md").read_text("utf-8")
BLOCKS = {
    kind: "\n".join(re.findall(rf"```{kind}\n(.*?)```", TEXT, re.DOTALL))
    for kind in ("nginx", "caddyfile")
}


def test_the_documented_configurations_send_the_same_headers() -> None:
    for kind, block in BLOCKS.items():
        policies = re.findall(r"\"(default-src [^\"]+)\"", block)
        assert policies == [POLICY, SEARCH_POLICY, SVG_POLICY], kind
        for name, value in HEADERS.items():
            assert re.search(rf"{name} {value}\b", block), (kind, name)
        assert "Strict-Transport-Security" in block


def test_the_documented_limits_are_those_of_the_service() -> None:
    limits = Limits()
    assert f"| {limits.header_bytes // 1024} KB | 431 |" in TEXT
    assert f"complete | {limits.header_seconds:.0f} s | 408 |" in TEXT
    assert f"{limits.body_seconds:.0f} s, and 1 s more for each {limits.body_pace:,} bytes" in TEXT
    assert f"takes nothing | {limits.write_seconds:.0f} s |" in TEXT
    for block in BLOCKS.values():
        assert f"{limits.header_seconds:.0f}s" in block
