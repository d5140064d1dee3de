"""Hypothesis strategies for discussions: nested, in many scripts, edited, removed, answered."""

from __future__ import annotations

from typing import Any, NamedTuple

from hypothesis import strategies as st

from tests.discussion.samples import reply

# Right-to-left, combining, wide, joined emoji, zero-width and bidi characters, and markup.
PIECES = [
    "Ann", "משה", "عائشة", "Zoë", "Ωmega", "李雷", "\U0001f469\u200d\U0001f467", "🇩🇪", "e\u0301",
    "\u200b", "\u202e", "\u2066", "\u00a0", "<b>", "&amp;", '"', "'", "{{ 7*7 }}", "{% raw %}",
    "<!--", "-->", "\\", "$&", "]]>", " ", "\\1", "\\g<0>", "%s",
    "<!--region discussion networking 1-->", "<!--/region discussion networking-->",
]  # fmt: skip
words = st.lists(
    st.one_of(st.sampled_from(PIECES), st.text(st.characters(codec="utf-8"), max_size=8)),
    min_size=1,
    max_size=5,
).map("".join)
names = words.filter(lambda text: bool(text.strip()))
# HTML from the service's sanitiser: text is escaped, attributes may not be.
bodies = st.one_of(
    words.map(lambda text: f"<p>{text.replace('&', '&amp;').replace('<', '&lt;')}</p>\n"),
    st.sampled_from(
        [
            '<p><a href="https://a.example/" title="<!--/region head networking-->">x</a></p>\n',
            '<p><a href="https://a.example/" title="<!--region latest * 9-->">x</a></p>\n',
            "<pre><code>{{ config }} {% endraw %}\n\n</code></pre>\n",
            "<p>\r\n</p>",
        ]
    ),
)
urls = st.one_of(
    st.none(), st.sampled_from(["https://ann.example/", "http://x.example/?a=1&b='\"<"])
)


# Marks by editors; older services send neither.
marks: st.SearchStrategy[dict[str, bool]] = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"pinned": st.booleans(), "locked": st.booleans()}),
)
# Older services send no avatar.
pictures: st.SearchStrategy[dict[str, int | None]] = st.one_of(
    st.just({}), st.fixed_dictionaries({"avatar": st.one_of(st.none(), st.integers(0, 255))})
)
decisions = st.sampled_from([None, True, False])


class Step(NamedTuple):
    """A new state of a discussion."""

    key: str
    comments: list[dict[str, Any]]
    opened: bool | None


@st.composite
def comments(draw: st.DrawFn, max_size: int = 25) -> list[dict[str, Any]]:
    """A discussion's comments as the API sends them; every parent is in the list."""
    size = draw(st.integers(0, max_size))
    made: list[dict[str, Any]] = []
    for number in range(1, size + 1):
        parent = draw(st.one_of(st.none(), st.integers(1, number - 1))) if number > 1 else None
        made.append(
            reply(
                number,
                parent,
                author={"name": draw(names), "url": draw(urls)},
                html=draw(bodies),
                editor=draw(st.booleans()),
                **draw(marks),
                **draw(pictures),
                edited=draw(st.one_of(st.none(), st.just("2026-11-23T12:00:00.123456Z"))),
            )
        )
    return made


ACTIONS = ["fill", "edit", "remove", "clear", "grow", "grow", "mark", "mark", "close"]


@st.composite
def histories(draw: st.DrawFn, keys: list[str]) -> list[Step]:
    """Histories: replies are added, edited, removed and marked; discussions close and open."""
    state: dict[str, list[dict[str, Any]]] = {key: [] for key in keys}
    opened: dict[str, bool | None] = {}
    steps: list[Step] = []
    for key in draw(st.lists(st.sampled_from(keys), min_size=1, max_size=8)):
        now = [dict(one) for one in state[key]]
        action = draw(st.sampled_from(ACTIONS))
        shown = [i for i, one in enumerate(now) if not one["removed"]]
        if action == "close":
            opened[key] = draw(decisions)
        elif action == "fill" or (action != "clear" and not shown):
            now = draw(comments())
        elif action == "edit":
            now[draw(st.sampled_from(shown))].update(
                html=draw(bodies), edited="2026-11-24T00:00:00Z"
            )
        elif action == "mark":
            one = now[draw(st.sampled_from(shown))]
            what = draw(st.sampled_from(["pinned", "locked"]))
            one[what] = not one.get(what, False)
        elif action == "remove":
            i = draw(st.sampled_from(shown))
            if any(one["parent"] == now[i]["id"] for one in now):
                now[i].update(author=None, html="", removed=True, editor=False, edited=None)
                now[i].update(pinned=False, avatar=None)
            else:
                del now[i]
        elif action == "clear":
            now = []
        else:
            number = 1 + max(int(one["id"][2:], 36) for one in now)
            parent = draw(st.one_of(st.none(), st.sampled_from([one["id"] for one in now])))
            author = {"name": draw(names), "url": None}
            new = reply(number, author=author, editor=draw(st.booleans()), **draw(marks))
            now.append({**new, "parent": parent})
        state[key] = now
        steps.append(Step(key, now, opened.get(key)))
    return steps
