"""What an article costs to read, and what others say of the pages: `make bench-page`.

Weights are of the gzipped HTML and the style sheets of its head, which is all that is needed to
read; what comes below the text (the form's and the printer's sheet) and scripts are counted apart.
Lighthouse looks by its mobile profile, axe at every kind of page in both colour schemes, and the Nu
HTML checker at whole articles with no, one and a thousand replies.
"""

import gzip
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import brotli
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from benchmarks import opinions, peers, report
from benchmarks.reading import ReadingSite
from tests import browser

# How many replies each article has. The names of the articles are those of content/.
LENGTHS = {
    "saying-no": 0,
    "taking-notes": 1,
    "networking": 20,
    "meetings": 500,
    "mentoring": 1000,
}
TWENTY, FIVE_HUNDRED = "networking", "meetings"
PAGES = [
    *("", "networking/", "taking-notes/", "saying-no/", "archive/", "topics/", "tags/", "authors/"),
    *("category/careers/", "search/?q=network", "about/", "no-such-page/"),
    *("comments/networking/follow",),
]
JUDGED = {"article": "networking/", "index": "", "search": "search/?q=people"}
_STYLE = re.compile(r'<link rel="stylesheet" href="([^"]+)"')
# Whatever a browser waits for before it shows the text.
_STYLE_IN_HEAD = re.compile(r'<link rel="stylesheet" href="([^"]+)"(?=[\s\S]*</head>)')
_SCRIPT = re.compile(r'<script[^>]* src="([^"]+)"')


def main() -> None:
    """Print the table and the figures."""
    opinions.programs()
    with tempfile.TemporaryDirectory(prefix="page-") as name:
        site = ReadingSite(Path(name), LENGTHS)
        report.note(f"Building a site with {sum(LENGTHS.values()):,} replies ...")
        try:
            site.prepare()
            figures = _figures(site)
        finally:
            site.stop()
    rows = [[name, value] for name, value in figures.items() if not isinstance(value, dict | list)]
    said = [line for name in ("faults", "axe", "nu") for line in figures[name]]
    report.finish("\n".join([report.table(("", ""), rows), *said]), figures)


def _figures(site: ReadingSite) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for number, key in ((20, TWENTY), (500, FIVE_HUNDRED)):
        figures[f"kb_{number}"] = _weight(site, key, _STYLE_IN_HEAD)
        figures[f"kb_{number}_brotli"] = _weight(site, key, _STYLE_IN_HEAD, squeeze=brotli.compress)
    figures["kb_sheets_below"] = round(_weight(site, TWENTY, _STYLE) - figures["kb_20"], 2)
    figures["kb_js_optional"] = _weight(site, TWENTY, _SCRIPT, html=False)
    isso = next(peers.isso().parent.glob("lib/python*/site-packages/isso/js/embed.min.js"))
    figures["kb_js_isso_needs"] = round(len(gzip.compress(isso.read_bytes())) / 1000, 2)
    figures["vs_isso_js"] = round(figures["kb_20"] / figures["kb_js_isso_needs"], 2)
    with browser.browser() as running:
        figures["requests_to_read"], figures["third_parties"] = _requests(running, site)
        report.note("axe looks at every kind of page ...")
        figures["axe"] = list(_axe(running, site))
    figures["axe_violations"] = len(figures["axe"])
    report.note("The Nu HTML checker looks at articles ...")
    figures["nu"] = opinions.nu(_built(site))
    figures["nu_errors"] = len(figures["nu"])
    return figures | _lighthouse(site)


def _weight(
    site: ReadingSite,
    key: str,
    also: re.Pattern[str],
    *,
    html: bool = True,
    squeeze: Callable[[bytes], bytes] = gzip.compress,
) -> float:
    """Return the kilobytes of an article's page and what it links to, each compressed."""
    page = site.output / key / "index.html"
    text = page.read_text("utf-8")
    files = [site.output / _path(site, key, found) for found in also.findall(text)]
    packed = [len(squeeze(file.read_bytes())) for file in [*([page] if html else []), *files]]
    return round(sum(packed) / 1000, 2)


def _path(site: ReadingSite, key: str, address: str) -> str:
    return urljoin(f"{site.url}/{key}/", address).removeprefix(site.url).lstrip("/").split("?")[0]


def _requests(running: Browser, site: ReadingSite) -> tuple[int, int]:
    """Return for how many requests the article's text waits, and how many leave the site."""
    context = running.new_context()
    page = context.new_page()
    asked: list[Any] = []
    page.on("request", lambda request: asked.append(request))
    page.goto(f"{site.url}/{TWENTY}/", wait_until="networkidle")
    waited = page.evaluate(
        "performance.getEntriesByType('resource')"
        ".filter(one => one.renderBlockingStatus === 'blocking').length"
    )
    context.close()
    return 1 + int(waited), sum(1 for one in asked if not one.url.startswith(site.url))


def _axe(running: Browser, site: ReadingSite) -> Iterator[str]:
    for scheme in ("light", "dark"):
        context = running.new_context(color_scheme=scheme)  # type: ignore[arg-type]
        page = context.new_page()
        for address in PAGES:
            page.goto(f"{site.url}/{address}", wait_until="networkidle")
            for one in Axe().run(page).response["violations"]:
                yield f"axe, {scheme}, /{address}: {one['id']}: {one['help']}"
        context.close()


def _built(site: ReadingSite) -> list[Path]:
    # With all pages of the thousand replies.
    keys = [key for key in LENGTHS if LENGTHS[key] != 500]
    pages = [page for key in keys for page in sorted((site.output / key).rglob("index.html"))]
    others = ("index.html", "404.html", "archive/index.html", "search/index.html")
    return [*pages, *(site.output / name for name in others)]


def _lighthouse(site: ReadingSite) -> dict[str, Any]:
    judged = {}
    for name, address in JUDGED.items():
        if report.quick() and name != "article":
            continue
        report.note(f"Lighthouse looks at the {name} page ...")
        judged[name] = opinions.lighthouse(f"{site.url}/{address}")
    return {
        "lighthouse_min": min(min(one.points.values()) for one in judged.values()),
        "layout_shift": round(max(one.shift for one in judged.values()), 4),
        "lighthouse": {name: one.points for name, one in judged.items()},
        "faults": [f"{name}: {fault}" for name, one in judged.items() for fault in one.faults],
    }


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("Stopped.")
