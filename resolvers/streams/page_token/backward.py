"""A cursor list read backward: with the order reversed and its own time filter (DESIGN.md 6)."""

from __future__ import annotations

from functools import partial

from providers.spi.budget import BudgetExceeded
from providers.spi.record import ContactRecord
from resolvers.cursors.anchors import ANCHORS, anchors, filled_up, nearest_follower, newest_anchor, short_hash
from resolvers.cursors.bookmarks import InstantBookmark, PageTokenBookmark
from resolvers.planning.plan import SourcePlan
from resolvers.reading.progress import Progress, Tokens
from resolvers.request.operation import Operation
from resolvers.streams.base import Bounds
from resolvers.streams.page_token.base import CursorListStream, Row
from resolvers.streams.page_token.chain import instant_of, more_after

# How many rows a page has by which equal times are put into the list's own order.
_TIED_PAGE = 100


class BackwardPageTokenStream(CursorListStream):
    """One cursor list from a bookmark back, or from its end. Only for lists that are `reversible`."""

    def __init__(self, operation: Operation, plan: SourcePlan, bounds: Bounds) -> None:
        super().__init__(operation, plan, bounds, forward=False)
        self._handed_out = 0

    @property
    def reversible(self) -> bool:
        """Whether it can be read from the other end: ordered by a time that it can be filtered by."""
        bookmark = self._bookmark
        return self._chain.by_time and not (isinstance(bookmark, PageTokenBookmark) and bookmark.at is None)

    async def _fill(self, count: int) -> None:
        progress = Progress(self.source.name)
        while len(self.items) < count and not self.ended and not self.stopped:
            progress.check(len(self._rows), self.end_bookmark())
            if self.at_scan_limit:
                self.stop_at_limit()
                return
            # One row more than is handed out: see `_hand_out`.
            await self._read(count - len(self.items) + 1)

    async def _read(self, need: int) -> None:
        # Go on from the furthest row read; the anchor of the first page is the bookmark itself.
        place = self.end_bookmark()
        at = None if place is None else place.at
        ordered, exhausted = await self._of_one_time(partial(self._ordered, need, at))
        read = len(self._rows)
        if ordered:
            self._consume(ordered, place, exclusive=bool(self._rows) or self.bounds.excludes_bookmark_record)
        if exhausted:
            self.ended = True
        elif len(self._rows) == read and not self.ended:
            self.stop_at_limit()
        await self._hand_out()

    async def _ordered(self, need: int, at: int | None) -> tuple[list[ContactRecord], bool]:
        """Returns rows from an instant on in the list's own order, nearest first, and whether they are all."""
        gathered, exhausted = await self._gathered(need, at)
        if not gathered:
            return [], exhausted
        return await self._in_forward_order(need, gathered, at, exhausted), exhausted

    async def _hand_out(self) -> None:
        """Makes items of the rows read, all but the furthest: the row in front of a page is what the page before it is
        found by."""
        stop = len(self._rows) - (0 if self.ended else 1)
        await self.judge(row.record for row in self._rows[self._handed_out : stop])
        for row in range(self._handed_out, stop):
            record = self._rows[row].record
            try:
                holds = record is not None and self.holds(record)
            except BudgetExceeded:
                # The first row that was not judged is the furthest one then: reading goes on with it.
                del self._rows[row + 1 :]
                self._handed_out, self.ended = row, False
                raise
            if record is not None and holds:
                self.items.append(record)
                self._item_rows.append(row)
        self._handed_out = max(self._handed_out, stop)

    async def _gathered(self, need: int, at: int | None) -> tuple[list[ContactRecord], bool]:
        """Returns rows from an instant on in the reversed order, nearest first, and whether they are all."""
        rows: list[ContactRecord] = []
        token: str | None = None
        size = self._page_size(need + 2)
        tokens = Tokens(self.source.name)
        while True:
            tokens.check(self.scanned, token)
            page = await self._chain.page_back(token, size, at)
            rows += [
                record
                for record in page.records
                if record is not None and (at is None or not self._chain.beyond(record, at))
            ]
            self.scanned += len(page.records)
            more = more_after(page)
            # Those of the instant itself may lie on either side of the position: they do not count.
            certain = sum(1 for record in rows if at is None or instant_of(record) != at)
            # However many are of one instant, those before it are reached.
            if not more or certain >= need or (certain and self.scanned >= self.scan_limit):
                return rows, not more
            token = page.next_token

    async def _in_forward_order(
        self, need: int, gathered: list[ContactRecord], at: int | None, exhausted: bool
    ) -> list[ContactRecord]:
        """Returns the gathered rows in the list's own order, nearest first.

        Equal times may stand in either order in the reversed list, which no page promises: then the stretch is
        read again forward. A last group of equal times may go on beyond what was read, so it counts as such.
        """
        times = [instant_of(record) for record in gathered]
        whole = gathered if exhausted else [record for record in gathered if instant_of(record) != times[-1]]
        distinct = {instant_of(record) for record in whole}
        if len(distinct) == len(whole) and (exhausted or len(distinct - {at}) >= need):
            return whole
        return await self._stretch(times[-1], at)

    async def _stretch(self, far: int, at: int | None) -> list[ContactRecord]:
        """Returns the rows between two instants in the list's own order, nearest to `at` first."""
        chain = self._chain
        forward: list[ContactRecord] = []
        token: str | None = None
        tokens = Tokens(self.source.name)
        while True:
            tokens.check(self.scanned, token)
            page = await chain.page(token, self._page_size(_TIED_PAGE), far, until=at)
            forward += [
                record
                for record in page.records
                if record is not None
                and not chain.short_of(record, far)
                and (at is None or not chain.beyond(record, at))
            ]
            self.scanned += len(page.records)
            if not more_after(page):
                return forward[::-1]
            token = page.next_token

    def _consume(
        self, nearest_first: list[ContactRecord], place: PageTokenBookmark | InstantBookmark | None, *, exclusive: bool
    ) -> None:
        limit = self._limit
        start = 0 if place is None else self._start(nearest_first, place, exclusive=exclusive)
        if self._passed_limit([record.native_id for record in nearest_first[:start]][::-1]):
            self.ended = True
            return
        if not self._rows and start:
            self.edge = nearest_first[start - 1]
        for record in nearest_first[start:]:
            if limit is not None and (
                record.native_id == limit.last or (limit.at is not None and self._chain.short_of(record, limit.at))
            ):
                self.ended = True
                return
            self._rows.append(Row(record, None))

    def _start(
        self, nearest_first: list[ContactRecord], place: PageTokenBookmark | InstantBookmark, *, exclusive: bool
    ) -> int:
        """Returns how many of the rows lie on the other side of the position."""
        # A record that was updated meanwhile stands elsewhere now, and tells nothing.
        ids = self._chain.unmoved(nearest_first, 0 if place.at is None else place.at)
        if place.last in ids:
            return ids.index(place.last) + exclusive
        # The anchor is gone: one that was met already, or an older one, still tells which of its instant were.
        ahead = place.ahead if isinstance(place, InstantBookmark) else None
        if ahead is not None and (follower := nearest_follower(ids[::-1], ahead)) is not None:
            return len(ids) - follower[0]
        found = newest_anchor(ids, None, place.before)
        if found is not None:
            return found[0]
        tied = sum(1 for record in nearest_first if instant_of(record) == place.at)
        if place.tied is not None:
            # The anchors were all of the instant that stood in front.
            return tied
        if tied and ahead != ():
            self.drifted()
        return 0

    # ------------------------------------------------------------ bookmarks

    def bookmark_after(self, item: int) -> InstantBookmark:
        return self._bookmark_at(self._item_rows[item])

    def _bookmark_at(self, row: int) -> InstantBookmark:
        at = self._instant(row)
        last, before = anchors([behind.native_id for behind in reversed(self._rows[row : row + ANCHORS])])
        return InstantBookmark(at, last, before, self._ahead(row, at), self._tied(row, at))

    def _tied(self, row: int, at: int) -> int | None:
        """Returns how many rows in front of a row are of its instant, None where that was not read."""
        for further in range(row + 1, min(row + ANCHORS + 1, len(self._rows))):
            if self._instant(further) != at:
                return further - row - 1
        return None

    def _ahead(self, row: int, at: int) -> tuple[int, ...] | None:
        """Returns the hashes of the rows of one instant that follow a row, None where that is not known."""
        known: list[int] = []
        for nearer in range(row - 1, -1, -1):
            if len(known) == ANCHORS or self._instant(nearer) != at:
                return tuple(known)
            known.append(short_hash(self._rows[nearer].native_id))
        bookmark = self._bookmark
        if bookmark is None or bookmark.at != at:
            return tuple(known)
        if self.bounds.excludes_bookmark_record and bookmark.last is not None:
            known.append(short_hash(bookmark.last))
        further = bookmark.ahead if isinstance(bookmark, InstantBookmark) else None
        if further is None:
            return tuple(known[:ANCHORS]) or None
        return filled_up(tuple(known), further)[:ANCHORS]

    def _instant(self, row: int) -> int:
        record = self._rows[row].record
        return 0 if record is None else instant_of(record)

    def bookmark_before(self, item: int) -> InstantBookmark | None:
        row = self._item_rows[item] + 1
        return self._bookmark_at(row) if row < len(self._rows) else None

    def end_bookmark(self) -> PageTokenBookmark | InstantBookmark | None:
        # The furthest row was not handed out: reading goes on with it.
        return self._bookmark_at(len(self._rows) - 1) if self._rows else self._bookmark
