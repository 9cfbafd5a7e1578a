"""Entering a cursor list at an instant, where its token is of no use any more (DESIGN.md 6, "Cursor")."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec

from providers.spi.page import Page
from providers.spi.record import ContactRecord
from resolvers.cursors.anchors import nearest_follower, newest_anchor, row_id
from resolvers.reading.progress import Tokens
from resolvers.streams.page_token.chain import Chain, instant_of, more_after

Anchors: TypeAlias = tuple[str | None, tuple[int, ...]]


class Entry(msgspec.Struct):
    """Pages from an instant on, each with its token, and how many of their rows stand before the place looked for.

    `found`: the anchor it was found by, as `newest_anchor` gives it. `lost`: rows of the instant may have been met
    already, and no anchor tells which.
    """

    pages: list[tuple[Page, str | None]]
    passed: int
    found: tuple[int, int] | None
    lost: bool

    @property
    def passed_ids(self) -> list[str]:
        """The ids of the rows that stand before the place."""
        return [row_id(record) for page, _ in self.pages for record in page.records][: self.passed]


class TooFar(Exception):
    """So many rows (`read`) did not reach the place: more than the scan limit."""

    def __init__(self, read: int) -> None:
        super().__init__()
        self.read = read


async def enter(
    chain: Chain,
    at: int,
    anchors: Anchors,
    size: int,
    limit: int,
    *,
    ahead: tuple[int, ...] | None = None,
    tied: int | None = None,
) -> Entry:
    """Returns where the list goes on after the anchors' rows, which were updated at the instant `at`.

    Rows before it are passed over, those at it up to the last record. `ahead` and `tied` are as in `InstantBookmark`.
    Raises TooFar, SourceError.
    """
    passed: list[ContactRecord | None] = []
    pages: list[tuple[Page, str | None]] = []
    token: str | None = None
    tokens = Tokens(chain.name)
    while True:
        tokens.check(len(passed), token)
        page = await chain.page(token, size, at)
        pages.append((page, token))
        passed += page.records
        found = newest_anchor(chain.unmoved(passed, at), *anchors)
        tail = passed[-1] if passed else None
        if (
            (found is not None and found[1] == 0)
            or not more_after(page)
            or (tail is not None and chain.beyond(tail, at))
        ):
            break
        if len(passed) >= limit:
            raise TooFar(len(passed))
        token = page.next_token
    if found is not None:
        return Entry(pages, found[0] + 1, found, lost=False)
    if ahead is not None:
        follower = nearest_follower(chain.unmoved(passed, at), ahead)
        if follower is not None:
            return Entry(pages, follower[0], None, lost=False)
        if not ahead:
            # The position was where the instant ends.
            return Entry(pages, _leading(passed, lambda record: not chain.beyond(record, at)), None, lost=False)
    # Where the anchors are all that was met of the instant, what is left of it is still to come.
    lost = tied is None and any(record is not None and instant_of(record) == at for record in passed)
    return Entry(pages, _leading(passed, lambda record: chain.short_of(record, at)), None, lost)


def _leading(rows: Sequence[ContactRecord | None], passed: Callable[[ContactRecord], bool]) -> int:
    """Returns how many rows at the start are passed over. An unreadable one is not."""
    return next((index for index, record in enumerate(rows) if record is None or not passed(record)), len(rows))
