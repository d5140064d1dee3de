"""Made-up prose with the words and turns of this site's articles, so that it compresses as prose.

One sentence a thousand times would make any page look small.
"""

import random
import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

_MARKUP = re.compile(
    r"<[^>]*>|\[\^\w+\]:?|https?://\S+|\{[^}]*\}|[*_`>#\[\]()|]|^\W*(?:-|\d+\.)\s", re.MULTILINE
)
_NAMES = """
Ann Bea Carl Dana Eli Fatima Goran Hana Ines Jun Kofi Lea Mira Nils Olu Priya Quentin Rosa
Sven Tara Uma Victor Wren Xenia Yusuf Zoe
"""
_SURNAMES = """
Abara Bergström Costa Dimitrov Eze Fischer García Horvat Ito Jensen Kaya Lindqvist Moreau
Novak Okafor Petrov Quinn Rossi Schmidt Tanaka Usman Virtanen Wójcik Xu Yilmaz Zimmer
"""


class Prose:
    """Sentences by a chain of words: each word follows one that it follows in the articles."""

    def __init__(self, content: Path, seed: int) -> None:
        self._chance = random.Random(seed)
        self._after: dict[str, list[str]] = defaultdict(list)
        self._first: list[str] = []
        for path in sorted(content.glob("*.md")):
            body = path.read_text("utf-8").partition("\n\n")[2]
            for paragraph in body.split("\n\n"):
                self._learn(_MARKUP.sub("", paragraph).split())

    def _learn(self, words: list[str]) -> None:
        if len(words) > 5:
            self._first.append(words[0])
            for word, after in pairwise(words):
                self._after[word].append(after)

    def reply(self) -> str:
        """Return a reply of 20 to 60 words in one to three paragraphs.

        Those of the sample replies (comments_service/demo) have 28 on average.
        """
        length = self._chance.randint(20, 60)
        words = list(self._words(length))
        cuts = sorted(self._chance.sample(range(5, length - 5), self._chance.randint(0, 2)))
        edges = [0, *cuts, length]
        parts = [words[begin:end] for begin, end in pairwise(edges)]
        return "\n\n".join(" ".join(part) for part in parts if part)

    def name(self) -> str:
        """Return a name of a person, one of some hundreds."""
        return f"{self._chance.choice(_NAMES.split())} {self._chance.choice(_SURNAMES.split())}"

    def chance(self, share: float) -> bool:
        """Return whether something that happens so often happens this time."""
        return self._chance.random() < share

    def choice(self, among: list[str]) -> str:
        """Return one of them."""
        return self._chance.choice(among)

    def _words(self, length: int) -> Iterator[str]:
        word = self._chance.choice(self._first)
        for _ in range(length):
            yield word
            word = self._chance.choice(self._after.get(word) or self._first)
