"""Generated articles in the project's manner: steps, quotations, lists, links, a question."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

CATEGORIES, AUTHORS, TAGS = 10, 20, 60
WORDS = [
    *(
        "question",
        "answer",
        "colleague",
        "meeting",
        "desk",
        "coffee",
        "paper",
    ),
    *(
        "study",
        "people",
        "advice",
        "morning",
        "office",
        "letter",
    ),
    *(
        "project",
        "evening",
        "friend",
        "habit",
        "reason",
        "story",
        "week",
    ),
    *(
        "plan",
        "train",
        "listen",
        "write",
        "ask",
        "wait",
        "room",
    ),
    *("voice",),
    *(
        "kitchen",
        "window",
        "promise",
        "mistake",
        "thank",
        "begin",
        "notice",
    ),
    *(
        "simple",
        "useful",
        "quiet",
        "common",
        "slow",
        "honest",
    ),
]
START = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Generated:
    """An article before anybody's format: Pelican and Hugo get the same."""

    slug: str
    title: str
    date: datetime
    category: str
    author: str
    tags: list[str]
    question: str
    summary: str
    body: str


def generate(count: int) -> list[Generated]:
    """Articles of about 690 words; the same ones for the same `count`."""
    chance = random.Random(count)
    return [_one(number, chance) for number in range(count)]


def _one(number: int, chance: random.Random) -> Generated:
    parts = [_paragraph(chance, 64)]
    for step in range(1, 6):
        parts += [
            f"## {step}. {_words(chance, 4).capitalize()}",
            _paragraph(chance, 64),
            f"> “{_words(chance, 12).capitalize()}.”",
            "\n".join(f"{n}. {_words(chance, 9)}" for n in (1, 2)),
            _paragraph(chance, 22),
        ]
    return Generated(
        slug=f"article-{number}",
        title=f"{_words(chance, 4).capitalize()} {number}",
        # An hour apart: as many years as a site of that size would have.
        date=START - timedelta(hours=5 * number),
        category=f"Topic {chance.randrange(CATEGORIES)}",
        author=f"Author {chance.randrange(AUTHORS)}",
        tags=[f"tag {one}" for one in sorted(chance.sample(range(TAGS), 3))],
        question=f"How do you {_words(chance, 3)}?",
        summary=_words(chance, 24).capitalize() + ".",
        body="\n\n".join(parts),
    )


def _words(chance: random.Random, count: int) -> str:
    return " ".join(chance.choices(WORDS, k=count))


def _paragraph(chance: random.Random, count: int) -> str:
    text = _words(chance, count - 6).capitalize()
    return (
        f"{text} *{_words(chance, 2)}* **{_words(chance, 2)}** "
        f"[{_words(chance, 2)}](https://example.org/{chance.randrange(1000)})."
    )
