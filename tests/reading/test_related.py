"""Which articles go with which."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from plugins.reading import related as module
from plugins.reading.related import MOST, Marks, related

MARKS = st.lists(
    st.builds(
        Marks,
        st.lists(st.sampled_from("abcdefgh"), max_size=8, unique=True).map(tuple),
        st.sampled_from(["one", "two", ""]),
    ),
    max_size=30,
)


def test_a_rare_tag_in_common_says_more_than_a_common_one() -> None:
    common = [Marks(("common",), "x") for _ in range(5)]
    articles = [Marks(("common", "rare"), "x"), *common, Marks(("rare",), "y")]
    assert related(articles)[0][0] == 6


def test_among_equals_the_category_then_the_next_older_then_the_next_newer() -> None:
    articles = [Marks(("t",), one) for one in ("x", "y", "x", "x", "y")]
    assert related(articles)[2] == (3, 0, 4)


def test_without_tags_in_common_the_category_decides() -> None:
    articles = [Marks(("a",), "x"), Marks(("b",), "x"), Marks(("c",), "y")]
    assert related(articles) == [(1,), (0,), ()]


def test_a_new_article_changes_no_list_that_had_older_ones() -> None:
    before = [Marks(("t",), "x") for _ in range(10)]
    after = [Marks(("t",), "x"), *before]
    moved = [tuple(place + 1 for place in them) for them in related(before)[:7]]
    assert related(after)[1:8] == moved


@given(MARKS)
def test_no_article_goes_with_itself_or_twice(articles: list[Marks]) -> None:
    for place, them in enumerate(related(articles)):
        assert len(them) == len(set(them)) <= MOST
        assert place not in them


@given(MARKS)
def test_each_has_something_in_common(articles: list[Marks]) -> None:
    for place, them in enumerate(related(articles)):
        own = articles[place]
        for other in them:
            its = articles[other]
            assert set(own.tags) & set(its.tags) or own.category == its.category


def test_what_is_kept_is_what_would_be_found(tmp_path: Path) -> None:
    articles = [Marks(("a", "b")[: n % 3], f"c{n % 2}") for n in range(20)]
    file = tmp_path / "cache" / "related-en"
    found = related(articles, file)
    assert file.is_file()
    assert related(articles, file) == found == related(articles)
    other = [*articles, Marks(("b",), "c0")]
    assert related(other, file) == related(other)


def test_a_damaged_file_is_made_anew(tmp_path: Path) -> None:
    articles = [Marks(("a",), "c") for _ in range(5)]
    file = tmp_path / "related-en"
    found = related(articles, file)
    file.write_bytes(file.read_bytes()[:-3])
    assert related(articles, file) == found
    file.write_bytes(b"")
    assert related(articles, file) == found


def test_an_article_with_many_tags_costs_no_more_than_its_rarest() -> None:
    many = tuple(f"t{n}" for n in range(200))
    assert module.TAGS < 10
    assert related([Marks(many, "x"), Marks(many, "x")]) == [(1,), (0,)]
