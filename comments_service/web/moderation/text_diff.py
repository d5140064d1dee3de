"""Word-by-word diff of two texts."""

import re
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

_WORDS = re.compile(r"\s+|\w+|[^\w\s]")
# The comparison is quadratic at worst: longer texts are shown as completely replaced.
_MOST_WORDS = 4_000


class Part(NamedTuple):
    """A piece of text that is unchanged ("same"), removed ("out") or added ("in")."""

    kind: Literal["same", "out", "in"]
    text: str


def changed(before: str, after: str) -> list[Part]:
    """Return the pieces in reading order."""
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    if len(old) + len(new) > _MOST_WORDS:
        return [Part("out", before), Part("in", after)]
    parts: list[Part] = []
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "equal":
            parts.append(Part("same", "".join(old[a:b])))
            continue
        if a < b:
            parts.append(Part("out", "".join(old[a:b])))
        if c < d:
            parts.append(Part("in", "".join(new[c:d])))
    return parts
