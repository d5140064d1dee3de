"""Markdown rule that shows the numbers of numbered lists as they were typed.

Markdown treats "14. August" and "3. September" in the next line as a list and shows 14 and 15.
HTML lists count up by one and show "1.", so only numbers that do so become a list here. All others,
also "1)", become text, which reads the same on pages, in feeds, in mail and in the search. A blank
line ends a list if the next number does not continue it: after a list of "1." and "2.",
"14. August" is a paragraph.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token


def keep_numbers(parser: MarkdownIt) -> None:
    """Make the parser show every number at the start of a line as it was typed."""
    parser.core.ruler.after("block", "keep_numbers", _keep_numbers)


class _List(NamedTuple):
    """A list: the index of its opening token, and the indices of its items' tokens."""

    start: int
    items: list[int]


class _Changes(NamedTuple):
    """Indices of tokens to drop, and tokens to insert before an index."""

    dropped: set[int]
    inserted: dict[int, list[Token]]


def _keep_numbers(state: StateCore) -> None:
    changes = _changes(state.tokens, state.src.split("\n"))
    if changes.dropped or changes.inserted:
        state.tokens = _Lines(changes).of(state.tokens)


def _changes(tokens: Sequence[Token], lines: Sequence[str]) -> _Changes:
    """Return the changes that turn all lists that do not count up into text."""
    changes = _Changes(set(), {})
    open_lists: list[_List] = []
    for index, token in enumerate(tokens):
        if token.type in {"ordered_list_open", "bullet_list_open"}:
            open_lists.append(_List(index, []))
        elif token.type in {"list_item_open", "list_item_close"}:
            open_lists[-1].items.append(index)
        elif token.type in {"ordered_list_close", "bullet_list_close"}:
            start, items = open_lists.pop()
            if token.type == "ordered_list_close":
                _divide(tokens, lines, _List(start, [*items, index]), changes)
    return changes


def _divide(tokens: Sequence[Token], lines: Sequence[str], whole: _List, changes: _Changes) -> None:
    """Record which parts of a list stay lists; the last of its `items` is its closing token."""
    *items, end = whole.items
    parts = _parts(tokens, lines, items)
    before = False
    for part in parts:
        stays = _counts_up([tokens[item] for item in part if tokens[item].nesting == 1])
        if not stays:
            changes.dropped.update(part)
        if part is not parts[0]:
            between = [_copy(tokens[end])] if before else []
            if stays:
                between.append(_opening(tokens[whole.start], tokens[part[0]]))
            changes.inserted[part[0]] = between
        elif not stays:
            changes.dropped.add(whole.start)
        before = stays
    if not before:
        changes.dropped.add(end)


def _parts(tokens: Sequence[Token], lines: Sequence[str], items: Sequence[int]) -> list[list[int]]:
    """Split the items of a list at blank lines after which the numbers do not continue."""
    parts: list[list[int]] = []
    last = ""
    for item in items:
        token = tokens[item]
        if token.nesting == 1:
            goes_on = bool(last) and token.info == str(int(last) + 1)
            if not parts or (not goes_on and _follows_blank(token, lines)):
                parts.append([])
            last = token.info
        parts[-1].append(item)
    return parts


def _follows_blank(item: Token, lines: Sequence[str]) -> bool:
    # Inside a block quote a blank line has a ">".
    return item.map is not None and not lines[item.map[0] - 1].strip(" \t>")


def _opening(whole: Token, first: Token) -> Token:
    """Return the opening token of a list whose first item is `first`."""
    opening = _copy(whole)
    opening.attrs = {} if first.info == "1" else {"start": int(first.info)}
    return opening


def _copy(token: Token) -> Token:
    return replace(token, attrs=dict(token.attrs))


def _counts_up(items: Sequence[Token]) -> bool:
    """Return whether an HTML list shows the numbers of these items as they were typed."""
    # HTML always shows a full stop after the number.
    if items[0].markup != ".":
        return False
    numbers = [item.info for item in items]
    # A single number other than 1 is more likely a date or a reference than a list.
    if len(numbers) == 1 and numbers[0] != "1":
        return False
    # Compared as text, because HTML would not show a leading zero.
    first = int(numbers[0])
    return all(number == str(first + index) for index, number in enumerate(numbers))


class _Lines:
    """Writes the items of dropped lists as paragraphs that begin with their numbers."""

    def __init__(self, changes: _Changes) -> None:
        self._dropped, self._inserted = changes
        self._kept: list[Token] = []
        # Number to write before the next text; several for lists inside lists.
        self._number = ""
        # `len(self._kept)` after the paragraph of the last line with a number.
        self._line_end = -1

    def of(self, tokens: Sequence[Token]) -> list[Token]:
        """Return the tokens, with paragraphs in place of the dropped lists."""
        # For each open item the level of its content, or None if the item is not dropped.
        inside: list[int | None] = []
        for index, token in enumerate(tokens):
            for new in self._inserted.get(index, ()):
                self._keep(new)
            if token.type == "list_item_open":
                inside.append(token.level + 1 if index in self._dropped else None)
            elif token.type == "list_item_close":
                inside.pop()
            if index in self._dropped:
                self._drop(token)
                continue
            if inside and token.level == inside[-1]:
                # The parser hides the paragraphs of a list without blank lines.
                token.hidden = False
            self._keep(token)
        return self._kept

    def _drop(self, token: Token) -> None:
        if token.type == "list_item_open":
            self._number = f"{self._number} {token.info}{token.markup}".strip()
        elif token.type == "list_item_close":
            self._write_alone(token)

    def _keep(self, token: Token) -> None:
        if token.type == "inline" and self._number:
            token.content = f"{self._number} {token.content}"
            self._number = ""
            self._add_line(token)
            return
        if token.type != "paragraph_open":
            self._write_alone(token)
        self._kept.append(token)

    def _add_line(self, line: Token) -> None:
        """Append a line to the paragraph of the line above, or make it a paragraph of its own."""
        above = self._kept[-3] if self._line_end == len(self._kept) - 1 else None
        if above is not None and above.map and line.map and above.map[1] == line.map[0]:
            above.content += f"\n{line.content}"
            above.map = [above.map[0], line.map[1]]
            # Drop the end of the paragraph above and the start of this one, so that they merge.
            del self._kept[-2:]
        else:
            self._kept.append(line)
        self._line_end = len(self._kept) + 1

    def _write_alone(self, at: Token) -> None:
        """Write a number without text as a paragraph of its own."""
        if not self._number:
            return
        inline = Token("inline", "", 0, content=self._number, children=[], map=at.map, block=True)
        self._kept += [
            Token("paragraph_open", "p", 1, level=at.level, block=True),
            inline,
            Token("paragraph_close", "p", -1, level=at.level, block=True),
        ]
        self._number = ""
