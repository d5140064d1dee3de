"""Keeps the numbers of a reply's numbered lists as they were typed.

Markdown takes "14. August" and "3. September" in the next line for a list and shows 14 and 15.
HTML lists count up by one and write "1.", so only numbers that do so make a list here. All others
become text again, "1)" too, which reads the same on pages, in feeds, in mail and in the search. A
blank line ends a list where the next number does not go on: behind "1." and "2." in a list,
"14. August" is a paragraph.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token


def keep_numbers(parser: MarkdownIt) -> None:
    """Have the parser show every number that a reader typed at the start of a line."""
    parser.core.ruler.after("block", "keep_numbers", _keep_numbers)


class _List(NamedTuple):
    """Where a list begins among the tokens, and the tokens of its items."""

    start: int
    items: list[int]


class _Changes(NamedTuple):
    """Positions of tokens that go, and tokens that come in front of a position."""

    dropped: set[int]
    inserted: dict[int, list[Token]]


def _keep_numbers(state: StateCore) -> None:
    changes = _changes(state.tokens, state.src.split("\n"))
    if changes.dropped or changes.inserted:
        state.tokens = _Lines(changes).of(state.tokens)


def _changes(tokens: Sequence[Token], lines: Sequence[str]) -> _Changes:
    """Return how to keep the numbers of all lists that do not count up."""
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
    """Note which parts of a list stay lists; its `items` end with the token that closes it."""
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
    """Divide the items of a list at blank lines behind which the numbers do not go on."""
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
    # In a quotation a blank line has its mark.
    return item.map is not None and not lines[item.map[0] - 1].strip(" \t>")


def _opening(whole: Token, first: Token) -> Token:
    """Return what opens a list whose first item is `first`."""
    opening = _copy(whole)
    opening.attrs = {} if first.info == "1" else {"start": int(first.info)}
    return opening


def _copy(token: Token) -> Token:
    return replace(token, attrs=dict(token.attrs))


def _counts_up(items: Sequence[Token]) -> bool:
    """Whether HTML's list shows these items as they were typed."""
    # HTML writes a full stop behind each number, whatever was typed.
    if items[0].markup != ".":
        return False
    numbers = [item.info for item in items]
    # One number alone is rather a date, or a point of somebody else that is answered, than a list.
    if len(numbers) == 1 and numbers[0] != "1":
        return False
    # As text: a leading zero would be lost.
    first = int(numbers[0])
    return all(number == str(first + index) for index, number in enumerate(numbers))


class _Lines:
    """Writes the items of lists that are none as paragraphs that begin with their numbers."""

    def __init__(self, changes: _Changes) -> None:
        self._dropped, self._inserted = changes
        self._kept: list[Token] = []
        # What stands before the next text: one number, or several of lists inside lists.
        self._number = ""
        # How many tokens were kept after the last line with a number.
        self._line_end = -1

    def of(self, tokens: Sequence[Token]) -> list[Token]:
        """Return the tokens with lines in the place of the dropped lists."""
        # For each open item the level of what stands in it, or None where the item stays.
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
                # Paragraphs of a list without blank lines are hidden.
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
        """Add a line to the paragraph of the line above, or keep it in its own."""
        above = self._kept[-3] if self._line_end == len(self._kept) - 1 else None
        if above is not None and above.map and line.map and above.map[1] == line.map[0]:
            above.content += f"\n{line.content}"
            above.map = [above.map[0], line.map[1]]
            # Its paragraph was opened already, and the one above is closed by its own end.
            del self._kept[-2:]
        else:
            self._kept.append(line)
        self._line_end = len(self._kept) + 1

    def _write_alone(self, at: Token) -> None:
        """Write a number that no text follows as a paragraph of its own."""
        if not self._number:
            return
        inline = Token("inline", "", 0, content=self._number, children=[], map=at.map, block=True)
        self._kept += [
            Token("paragraph_open", "p", 1, level=at.level, block=True),
            inline,
            Token("paragraph_close", "p", -1, level=at.level, block=True),
        ]
        self._number = ""
