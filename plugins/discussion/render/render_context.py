"""The render context of one round: discussions, pages and settings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from ...shared.errors import PageError
from ..client.snapshot import Position, Snapshot
from ..model.discussions import Comment, Discussion, Page, Summary, order
from ..model.manifest import Manifest, shell_of, templates_of
from ..model.options import RenderSettings
from ..model.paging import divide, permalink
from ..model.privacy_check import Ask, Gate, suspect
from .renderers import Latest

# Single queries cost a little each; above this number, all are made at once.
_FEW = 300


class World:
    """The context of one round; it caches what it reads.

    `root` is the build's directory, with the templates in `.discussion/`. `ask` tells what is
    private (Client.private); without it nothing can be compared, and nothing is.
    """

    def __init__(
        self, snapshot: Snapshot, manifest: Manifest, root: Path, ask: Ask | None = None
    ) -> None:
        self.manifest = manifest
        self.templates = templates_of(root)
        self._root = root
        self._snapshot = snapshot
        self._summaries: dict[str, Summary] = {}
        self._pages: dict[str, Page | None] = {}
        self._newest: dict[int, list[Latest]] = {}
        self._shells: dict[str, str] = {}
        self._all = False
        self._gate = Gate(ask, frozenset(self.settings.public_addresses)) if ask else None
        self._passed: set[tuple[str, int]] = set()

    @property
    def settings(self) -> RenderSettings:
        """The options with which the build rendered."""
        return self.manifest.settings

    def position(self) -> Position | None:
        """The position of the snapshot."""
        return self._snapshot.position()

    def check_all(self, keys: Iterable[str]) -> None:
        """Raise PrivacyError if a discussion of these keys shows somebody's address.

        Most have nothing that looks like one, which their text tells without being read.
        """
        if self._gate is not None:
            wanted = set(keys)
            odd = [key for key, text in self._snapshot.texts() if key in wanted and suspect(text)]
            for key in odd:
                self.discussion(key)

    def page(self, key: str) -> Page:
        """Return the page of this key; PageError if the build has none."""
        found = self.find(key)
        if found is None:
            raise PageError(f"No page of this build has the discussion {key!r}; build again.")
        return found

    def find(self, key: str) -> Page | None:
        """Return the page of this key, or None."""
        if key not in self._pages:
            entry = self.manifest.entry(key)
            self._pages[key] = entry.page if entry else None
        return self._pages[key]

    def discussion(self, key: str) -> Discussion:
        """Return all public replies of this page; PrivacyError if they show somebody's address."""
        found = self._snapshot.get(key)
        # By revision: a publisher beside a build may have replaced what was checked.
        if self._gate is not None and (key, found.revision) not in self._passed:
            self._gate.check(found)
            self._passed.add((key, found.revision))
        return found

    def check_text(self, text: str, where: str) -> None:
        """Raise PrivacyError if a text of the site itself shows a reader's address."""
        if self._gate is not None:
            self._gate.check_text(text, where)

    def summary(self, key: str) -> Summary:
        """Return the page's summary."""
        found = self._summaries.get(key)
        if found is None and not self._all:
            if len(self._summaries) >= _FEW:
                self._summaries, self._all = self._snapshot.summaries(), True
                return self._summaries.get(key, Summary())
            found = self._summaries[key] = self._snapshot.summary(key)
        return found or Summary()

    def expect(self, keys: Sequence[str]) -> None:
        """Fetch these summaries at once, before they are needed."""
        if not self._all:
            found = self._snapshot.summaries(keys)
            self._summaries.update({key: found.get(key, Summary()) for key in keys})

    def newest(self, count: int) -> list[Latest]:
        """Return the newest replies of the site's listed pages, the newest first."""
        if count not in self._newest:
            # The N newest replies are in the N most recent discussions.
            pages = list(islice(self._listed(), count))
            # Each is read once: a publisher beside a build may replace it between two reads.
            read = [(page, self.discussion(page.key)) for page in pages]
            found = sorted(
                ((one, page, whole) for page, whole in read for one in _tail(whole, count)),
                key=lambda each: order(each[0]),
                reverse=True,
            )
            self._newest[count] = [_latest(*each) for each in found[:count]]
        return self._newest[count]

    def shell(self, language: str) -> str:
        """Return the layout of later pages of replies; PageError if the build left none."""
        if language not in self._shells:
            try:
                self._shells[language] = shell_of(self._root, language).read_text("utf-8")
            except OSError as error:
                where = shell_of(self._root, language)
                raise PageError(
                    f"{where} cannot be read ({error.strerror}); build again."
                ) from error
        return self._shells[language]

    def _listed(self) -> Iterator[Page]:
        for key in self._snapshot.newest_first():
            page = self.find(key)
            if page is not None and page.facts.listed:
                yield page


def _tail(discussion: Discussion, count: int) -> list[Comment]:
    shown = [one for one in discussion.comments if not one.removed]
    return sorted(shown, key=order)[-count:]


def _latest(comment: Comment, page: Page, discussion: Discussion) -> Latest:
    parts = divide(discussion, page.page_size)
    above = permalink(page, parts, comment.parent) if comment.parent else page.url
    return Latest(comment, page, permalink(page, parts, comment.id), above)
