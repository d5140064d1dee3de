"""Keeps the numbers of a reply's numbered lists as they were typed.

Markdown takes "14. August" and "3. September" in the next line for a list and shows 14 and 15.
HTML lists count up by one, so only numbers that do so make a list here. All others become text
again, which reads the same on pages, in feeds, in mail and in the search.
"""

from collections.abc import Collection, Sequence
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


def _keep_numbers(state: StateCore) -> None:
    dropped = _not_counting(state.tokens)
    if dropped:
        state.tokens = _Lines(dropped).of(state.tokens)


def _not_counting(tokens: Sequence[Token]) -> set[int]:
    """Return the positions of what makes lists of numbers that do not count up."""
    found: set[int] = set()
    open_lists: list[_List] = []
    for index, token in enumerate(tokens):
        if token.type in {"ordered_list_open", "bullet_list_open"}:
            open_lists.append(_List(index, []))
        elif token.type in {"list_item_open", "list_item_close"}:
            open_lists[-1].items.append(index)
        elif token.type in {"ordered_list_close", "bullet_list_close"}:
            start, items = open_lists.pop()
            numbers = [tokens[item].info for item in items if tokens[item].nesting == 1]
            if token.type == "ordered_list_close" and not _counts_up(numbers):
                found.update([start, *items, index])
    return found


def _counts_up(numbers: Sequence[str]) -> bool:
    # One number alone is rather a date, or a point of somebody else that is answered, than a list.
    if len(numbers) == 1 and numbers[0] != "1":
        return False
    # As text: a leading zero would be lost.
    first = int(numbers[0])
    return all(number == str(first + index) for index, number in enumerate(numbers))


class _Lines:
    """Writes the items of lists that are none as paragraphs that begin with their numbers."""

    def __init__(self, dropped: Collection[int]) -> None:
        self._dropped = dropped
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
