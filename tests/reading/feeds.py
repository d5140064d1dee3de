"""Validates feeds with a RELAX NG grammar and with feedparser."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import feedparser
import rnc2rng
from lxml import etree

GRAMMARS = Path(__file__).parent / "grammars"


@lru_cache(maxsize=2)
def grammar(name: str) -> Any:
    """Compile a grammar in RELAX NG's compact syntax."""
    tree = rnc2rng.load(str(GRAMMARS / f"{name}.rnc"))
    return etree.RelaxNG(etree.fromstring(rnc2rng.dumps(tree).encode()))


def problems(data: bytes) -> list[str]:
    """Return the problems of a feed, including duplicate ids."""
    root = etree.fromstring(data)
    judge = grammar("rss" if root.tag == "rss" else "atom")
    judge.validate(root)
    found = [f"{one.line}: {one.message}" for one in judge.error_log]
    read = feedparser.parse(data)
    if read.bozo:
        found.append(str(read.bozo_exception))
    ids = [one.get("id") for one in read.entries]
    if None in ids or len(set(ids)) < len(ids):
        found.append(f"ids are missing or not single: {ids}")
    return found
