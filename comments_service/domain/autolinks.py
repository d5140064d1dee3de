"""Autolinks: markdown-it rule that finds web addresses in a reply's text and links them.

linkify-it handles ASCII punctuation well but treats all other punctuation as part of the path:
"https://example.com/a。" would include the full stop, and the text after it in scripts without
spaces.
"""

import re
import unicodedata

from linkify_it import LinkifyIt
from linkify_it.ucre import SRC_ZCC, SRC_ZPCC, TEXT_SEPARATORS
from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline

# Brackets, quotation marks, and other punctuation (Unicode's general categories).
_ENDING_CATEGORIES = frozenset({"Ps", "Pe", "Pi", "Pf", "Po"})
# Punctuation inside words of some scripts: the middle dots of Catalan and Japanese, the Hebrew
# geresh and gershayim, the Armenian apostrophe, the Tibetan tsheg, the hyphenation point.
_INSIDE_WORDS = frozenset("·・･\u05f3\u05f4\u055a\u0f0b\u2027")
# An apostrophe is part of the address only if a letter follows.
_APOSTROPHE = "’"
# Zero-width space, word joiner, byte order mark and direction controls. The zero-width joiners are
# not in it: Persian and Hindi spell words with them.
_INVISIBLE = "\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff"


def _ends_address(char: str) -> bool:
    if char in _INSIDE_WORDS or char == _APOSTROPHE:
        return False
    category = unicodedata.category(char)
    if category in _ENDING_CATEGORIES:
        return True
    # Full-width signs such as ～ and ＝ are symbols or dashes to Unicode.
    wide = "\u3000" <= char <= "\u303f" or "\uff00" <= char <= "\uffef"
    return wide and category[0] in "PSZ"


# Punctuation outside the Basic Multilingual Plane belongs to historic scripts.
_ENDING = "".join(map(re.escape, filter(_ends_address, map(chr, range(0x80, 0x10000)))))
_STOP = f"[{_ENDING}{_INVISIBLE}]|{_APOSTROPHE}(?!\\w)"
# An allowed scheme at the end of a text, not inside another word.
_SCHEME = re.compile(r"(?:^|[^a-z0-9.+-])(https?)$", re.IGNORECASE)
_LONGEST_SCHEME = len(" https")


class Autolinks(LinkifyIt):  # type: ignore[misc]
    """linkify-it whose addresses end before punctuation of any script."""

    def _on_compile(self) -> None:
        for name, pattern in self.re.items():
            pattern = pattern.replace(TEXT_SEPARATORS, f"(?:{TEXT_SEPARATORS}|{_STOP})")
            self.re[name] = pattern.replace(SRC_ZPCC, f"{SRC_ZPCC}|{_STOP}")
        # Also behind an ASCII dot or comma, and inside brackets.
        self.re["src_path"] = self.re["src_path"].replace(SRC_ZCC, f"{SRC_ZCC}|{_STOP}")

    def write_link(self, state: StateInline, silent: bool) -> bool:
        """Inline rule of markdown-it: at "://", write a link. Returns whether it did.

        It replaces the built-in rule, which reads all text before each "://" to find a scheme:
        10,000 characters of "://" take it more than a second.
        """
        if state.linkLevel > 0 or not state.src.startswith("://", state.pos, state.posMax):
            return False
        scheme = _SCHEME.search(state.pending[-_LONGEST_SCHEME:])
        if scheme is None:
            return False
        start, after_colon = state.pos - len(scheme[1]), state.pos + 1
        # While a link's label is skipped, `state.pending` is the text before the label.
        if not state.src.startswith(scheme[1], start):
            return False
        length = self.test_schema_at(state.src, "http:", after_colon)
        # A trailing asterisk closes an emphasis around the address.
        url = state.src[start : after_colon + length].rstrip("*")
        target = state.md.normalizeLink(url)
        if not length or not state.md.validateLink(target):
            return False
        if not silent:
            state.pending = state.pending[: -len(scheme[1])]
            _add_link(state, target, state.md.normalizeLinkText(url))
        state.pos = start + len(url)
        return True


def link_addresses(parser: MarkdownIt) -> None:
    """Make the parser turn web addresses in a text into links."""
    finder = Autolinks()
    # Only addresses with a scheme become links; "Node.js" and email addresses stay text.
    finder.set({"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False})
    parser.linkify = finder
    parser.inline.ruler.at("linkify", finder.write_link)


def _add_link(state: StateInline, target: str, shown: str) -> None:
    opening = state.push("link_open", "a", 1)
    opening.attrs = {"href": target}
    state.push("text", "", 0).content = shown
    closing = state.push("link_close", "a", -1)
    for token in (opening, closing):
        token.markup, token.info = "linkify", "auto"
