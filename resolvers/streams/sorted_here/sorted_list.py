"""A list that is read whole and sorted here, as a stream (DESIGN.md 5, "A source that cannot sort")."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable

from msgspec import structs

from providers.cache.freshness import freshness
from providers.spi.budget import Counter
from providers.spi.errors import Retriable, SortNotSupported
from providers.spi.record import ContactRecord
from resolvers.cursors.alignment import Alignment, Anchor, aligned
from resolvers.cursors.anchors import ANCHORS, NO_VERSION, changed, check_of, version
from resolvers.cursors.bookmarks import SortedHereBookmark
from resolvers.planning.plan import SourcePlan
from resolvers.planning.sort_keys import Key, compare, in_order_in_turns, key
from resolvers.reading.whole_list import DRIFTED, TooLong, Whole
from resolvers.request.operation import Operation
from resolvers.streams.base import Bounds, Stream
from resolvers.streams.sorted_here.snapshots import SNAPSHOTS, WALK


class SortedHereStream(Stream):
    """`read` reads the whole list; with no orders it keeps the source's own."""

    BOOKMARKS = (SortedHereBookmark,)

    def __init__(
        self,
        operation: Operation,
        plan: SourcePlan,
        bounds: Bounds,
        read: Callable[[], Awaitable[Whole]],
        identity: Hashable,
        *,
        forward: bool,
    ) -> None:
        super().__init__(operation, plan, bounds, forward=forward)
        self._read = read
        self._identity = identity
        self._all: list[ContactRecord] | None = None
        self._start = self._stop = 0

    async def fill(self, count: int) -> None:
        if self.ended or self._all is not None:
            return
        whole = await self._whole()
        self.met(whole.responses, whole.bad)
        self.stale = self.stale or whole.stale
        if whole.fetched_at is not None:
            self.fetched_at = whole.fetched_at
        self.warnings |= {warning.code: warning for warning in whole.warnings}
        if whole.drifted:
            self.warn(*DRIFTED)
        self._all = records = whole.records
        self.scanned = len(records)
        self.total = len(records)
        after, before = self.bounds.after, self.bounds.before
        assert after is None or isinstance(after, SortedHereBookmark)
        assert before is None or isinstance(before, SortedHereBookmark)
        self._start = 0 if after is None else self._place(after)[0]
        self._stop = len(records)
        # To find a place, something is made of every record.
        await self.operation.budget.worked(len(records) * ((after is not None) + (before is not None)))
        if before is not None:
            self._stop, found = self._place(before)
            if self.bounds.excludes_bookmark_record and found:
                self._stop -= 1
        self.items = records[self._start : max(self._start, self._stop)]
        if not self.forward:
            self.items.reverse()
        self.ended = True

    async def _whole(self) -> Whole:
        """Returns the sorted list, from a snapshot where one is young enough."""
        budget = self.operation.budget
        ttl = self.source.settings.cache_ttl
        walking = self.bounds.bounded_after or self.bounds.bounded_before
        if ttl and not self.operation.fresh:
            kept = SNAPSHOTS.get(self._identity, ttl * (WALK if walking else 1))
            if isinstance(kept, Whole):
                # Whoever looks at a list pays for it, whoever read it.
                budget.spend(Counter.ROWS, len(kept.records))
                return kept
        try:
            whole = await self._read()
        except Retriable:
            if (kept := self._kept_for_failures()) is not None:
                return kept
            raise
        except TooLong as error:
            length = f"has {error.total} contacts" if error.total is not None else "has more contacts"
            limit = self.scan_limit
            raise SortNotSupported(
                self.source.name,
                f"{self.source.name} cannot sort this way and {length} than the scan_limit of {limit} that are read "
                "and sorted here; filter more, sort by another field, or raise scan_limit",
            ) from error
        await self.judge(whole.records)
        records = [record for record in whole.records if self.holds(record)]
        whole = structs.replace(whole, records=await in_order_in_turns(records, self.plan.orders, budget))
        if ttl and not whole.drifted:
            SNAPSHOTS.put(self._identity, len(records), whole)
        return whole

    def _kept_for_failures(self) -> Whole | None:
        """Returns the list as it was last read whole, where the settings and the source's answers allow that while it
        fails. Its pages are of one time, which pages that the cache keeps one by one are not (ADR 8)."""
        settings = self.source.settings
        if not settings.cache_ttl or not settings.stale_if_error or self.operation.fresh:
            return None
        kept = SNAPSHOTS.get(self._identity, settings.cache_ttl + settings.stale_if_error)
        if not isinstance(kept, Whole) or not kept.responses or any(answer.stale for answer in kept.responses):
            return None
        said = (freshness(answer.headers, settings.cache_ttl, answer.fetched_at) for answer in kept.responses)
        if not all(allowed.store and allowed.stale_allowed for allowed in said):
            return None
        return structs.replace(kept, stale=True)

    def _place(self, bookmark: SortedHereBookmark) -> tuple[int, bool]:
        """Returns the index after the bookmark's record, or where it would stand, and whether it is still there."""
        records = self._all or []
        checks = [self._check(record) for record in records]
        if bookmark.last is None:
            return min(bookmark.index, len(records)), False
        anchors = self._anchors(bookmark, records, checks)
        last = anchors[-1]
        if last.position is not None and (bookmark.total is None or last.changed is False):
            return last.position + 1, True
        orders = self.plan.orders
        if orders and len(bookmark.keys) == len(orders) and all(order.field.is_date for order in orders):
            # The keys are known: right before the first record behind them.
            keys = [key(record, orders) for record in records]
            tied = [index for index, other in enumerate(keys) if compare(other, bookmark.keys, orders) == 0]
            if not tied:
                return next(
                    (index for index, other in enumerate(keys) if compare(other, bookmark.keys, orders) > 0),
                    len(records),
                ), False
        if bookmark.index == len(anchors) and all(anchor.position is None for anchor in anchors):
            # All that stood in front of the bookmark is gone.
            return 0, False
        if bookmark.total is None:
            # A cursor of before lengths were written down: the newest anchor counts.
            kept = next((anchor.position for anchor in reversed(anchors) if anchor.position is not None), None)
            made = None if kept is None else Alignment(kept + 1, None, 0, certain=True)
        else:
            made = aligned(anchors, bookmark.index, bookmark.total, len(records), forward=self.forward)
        if made is not None:
            if not made.certain:
                self.drifted()
            return made.place, last.position is not None and made.place == last.position + 1
        self.drifted()
        if bookmark.total is None:
            return min(bookmark.index, len(records)), False
        # Nothing is left to go on from: where nobody is lost.
        behind = max(0, bookmark.total - bookmark.index)
        return max(0, bookmark.index - len(anchors) if self.forward else len(records) - behind), False

    @staticmethod
    def _anchors(bookmark: SortedHereBookmark, records: list[ContactRecord], checks: list[int]) -> list[Anchor]:
        """Returns the bookmark's anchors in the list's order, with where they are now."""
        # Of equal hashes the one nearest to the old place counts.
        near = sorted(range(len(checks)), key=lambda index: -abs(index - bookmark.index))
        places = {checks[index]: index for index in near}
        found: list[Anchor] = []
        for age, (anchor, then) in enumerate(bookmark.behind):
            position = places.get(anchor)
            if age == 0 and position is not None and records[position].native_id != bookmark.last:
                position = None
            now = NO_VERSION if position is None else version(records[position].updated_at)
            found.append(Anchor(-1 - age, position, changed(then, now)))
        return found[::-1]

    def _check(self, record: ContactRecord) -> int:
        return check_of(record.native_id, self._key(record))

    def _key(self, record: ContactRecord) -> Key:
        return key(record, self.plan.orders)

    @property
    def count(self) -> int | None:
        return None if self._all is None or self.warnings else len(self._all)

    def _bookmark(self, index: int) -> SortedHereBookmark | None:
        """Returns the bookmark before the record at an index of the whole list."""
        if index == 0 or self._all is None:
            return None
        record = self._all[index - 1]
        keys = self._key(record)
        dates = tuple(value if isinstance(value, int) else None for value in keys)
        before = tuple(self._check(row) for row in self._all[max(0, index - ANCHORS) : index - 1][::-1])
        shown = self._all[max(0, index - ANCHORS) : index][::-1]
        versions = b"".join(version(row.updated_at) for row in shown)
        return SortedHereBookmark(index, record.native_id, self._check(record), before, dates, len(self._all), versions)

    def _index(self, item: int) -> int:
        return self._start + item if self.forward else max(self._start, self._stop) - 1 - item

    def bookmark_after(self, item: int) -> SortedHereBookmark:
        bookmark = self._bookmark(self._index(item) + 1)
        assert bookmark is not None
        return bookmark

    def bookmark_before(self, item: int) -> SortedHereBookmark | None:
        return self._bookmark(self._index(item))

    def base_bookmark(self) -> SortedHereBookmark | None:
        bookmark = self.bounds.after if self.forward else self.bounds.before
        assert bookmark is None or isinstance(bookmark, SortedHereBookmark)
        return bookmark
