"""One run of equal leading keys, sorted here, and the place in it that a bookmark stands at (DESIGN.md 5 and 6)."""

from __future__ import annotations

from typing import TypeAlias

from providers.spi.query import Order
from providers.spi.record import ContactRecord
from resolvers.cursors.anchors import ANCHORS, check_of
from resolvers.cursors.bookmarks import InstantBookmark, PageNumberBookmark, PageTokenBookmark, RunBookmark
from resolvers.planning.sort_keys import in_order, key

Start: TypeAlias = PageNumberBookmark | PageTokenBookmark | InstantBookmark | None
RunKeys: TypeAlias = tuple[int | None, ...]


class SortedRun:
    """A whole run, sorted: where it starts in the source's list, its keys, its records and their checks."""

    def __init__(self, start: Start, keys: RunKeys, records: list[ContactRecord], orders: tuple[Order, ...]) -> None:
        self.start = start
        self.keys = keys
        self.records = in_order(records, orders)
        self._checks = [check_of(record.native_id, key(record, orders)) for record in self.records]

    def bookmark(self, offset: int) -> RunBookmark:
        """Returns the bookmark behind so many of the run's records."""
        if offset == 0:
            return RunBookmark(self.start, None, 0, 0, (), self.keys)
        before = tuple(self._checks[max(0, offset - ANCHORS) : offset - 1][::-1])
        return RunBookmark(
            self.start, self.records[offset - 1].native_id, offset, self._checks[offset - 1], before, self.keys
        )

    def place(self, bookmark: RunBookmark) -> tuple[int, bool] | None:
        """Returns how many of the records stand in front of the bookmark, and whether its own last one is still there;
        None when no anchor is left."""
        for index, record in enumerate(self.records):
            if record.native_id == bookmark.last and self._checks[index] == bookmark.check:
                return index + 1, True
        for age, anchor in enumerate(bookmark.before, start=1):
            places = [index + 1 for index, check in enumerate(self._checks) if check == anchor]
            if places:
                # Hashes may be equal: the one nearest to where it stood.
                old = bookmark.offset - age
                return min(places, key=lambda place: abs(place - old)), False
        # All that stood in front of the bookmark is gone, or nothing did.
        return (0, False) if bookmark.offset <= (0 if bookmark.last is None else 1 + len(bookmark.before)) else None
