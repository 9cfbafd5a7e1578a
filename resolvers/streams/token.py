"""A cursor list as a stream: its tokens forward, its own time filter backward and where a token fails (DESIGN.md 6)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from msgspec import structs

from providers.errors import SourceBadRequest, SourceErrorCode, SourceInvalidResponse
from providers.page import Page
from providers.provider import Token
from providers.query import Condition, ListQuery, Operator, Order, OrderField
from providers.record import ContactRecord
from resolvers.marks import ANCHORS, KeyMark, TokenMark, anchors, newest_anchor
from resolvers.operation import Operation
from resolvers.plan import SourcePlan
from resolvers.streams.stream import Bounds, Stream

# How many pages of a short chain are read one after the other before a longer one is begun by time.
_CHAIN = 3
# Shown times may be cut: the source may know them finer. Ranges by which a position is found again are wider by this.
_SLACK = timedelta(seconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Place(NamedTuple):
    """Right after a row in a chain of pages, as in `TokenMark`."""

    token: str | None
    limit: int
    position: int
    bound: int | None
    following: str | None


class _Row:
    """One row read: the record (None: unreadable) and where it stands in the chain."""

    __slots__ = ("after", "native_id", "record")

    def __init__(self, record: ContactRecord | None, after: _Place | None) -> None:
        self.record = record
        self.native_id = "" if record is None else record.native_id
        self.after = after


class TokenStream(Stream):
    """One cursor list, forward or backward from a mark."""

    MARKS = (TokenMark, KeyMark)

    def __init__(self, operation: Operation, plan: SourcePlan, bounds: Bounds, *, forward: bool) -> None:
        super().__init__(operation, plan, bounds, forward=forward)
        mark = bounds.after if forward else bounds.before
        assert mark is None or isinstance(mark, TokenMark | KeyMark)
        limit = bounds.before if forward else bounds.after
        assert limit is None or isinstance(limit, TokenMark | KeyMark)
        self._mark = mark
        self._limit = limit
        self._rows: list[_Row] = []
        self._item_rows: list[int] = []
        self._token: str | None = None
        self._size = 0
        self._index = 0
        self._bound: int | None = None
        self._begun = False
        self._handed_out = 0
        capabilities = plan.source.provider.capabilities
        default = capabilities.default_order
        orders = plan.query.orders or ((Order(*default),) if default else ())
        # Only a list ordered by the time it can be filtered by can be entered by time.
        self._by_time = len(orders) == 1 and orders[0].field is OrderField.UPDATED_AT
        self._descending = bool(orders) and orders[0].descending

    async def fill(self, count: int) -> None:
        while len(self.items) < count and not self.ended and not self.stopped:
            if self.scanned >= self.scan_limit and self.plan.residual is not None:
                self.stop_at_limit()
                return
            need = count - len(self.items)
            await (self._forward(need) if self.forward else self._backward(need + 1))

    # ------------------------------------------------------------ forward

    async def _forward(self, need: int) -> None:
        if not self._begun:
            self._begun = True
            await self._begin(need)
            return
        try:
            page = await self._page(self.plan.query, self._token, self._size, self._bound)
        except SourceBadRequest:
            # The token did not live long enough: go on by the time of the last row.
            mark, read = self.end_mark(), len(self._rows)
            if mark is None or mark.at is None or not self._by_time:
                raise
            await self._begin_by_time(need, mark.at)
            if len(self._rows) == read and not self.ended and not self.stopped:
                raise
            return
        self._take(page, self._after_overlap(page))

    async def _begin(self, need: int) -> None:
        mark = self._mark
        if mark is None:
            self._size = self._page_size(need)
            self._take(await self._page(self.plan.query, None, self._size, None), 0)
            return
        if isinstance(mark, KeyMark):
            await self._begin_by_time(need, mark.at)
            return
        if need > _CHAIN * mark.limit and mark.at is not None and self._by_time:
            await self._begin_by_time(need, mark.at)
            return
        self._token, self._size, self._bound = mark.token, mark.limit, mark.bound
        page, following = await self._resumed(mark)
        if page is None:
            # A token may have expired, or named a row that is gone.
            assert mark.at is not None
            await self._begin_by_time(need, mark.at)
            return
        ids = _ids(page)
        if 0 < mark.index <= len(ids) and ids[mark.index - 1] in (mark.last, ""):
            self._take(page, mark.index)
            if following is not None and mark.index == len(ids):
                self._token = mark.following
                self._take(following, self._after_overlap(following))
        elif mark.last in ids:
            self._take(page, ids.index(mark.last) + 1)
        elif mark.at is not None and self._by_time:
            # It may stand on another page now, so an older anchor on this one tells nothing yet.
            await self._begin_by_time(need, mark.at)
        elif (found := newest_anchor(ids, mark.last, mark.before)) is not None:
            self._remember(ids[: found[0] + 1], found)
            self._take(page, found[0] + 1)
        else:
            self._drifted()
            self._take(page, min(mark.index, len(ids)))

    async def _resumed(self, mark: TokenMark) -> tuple[Page | None, Page | None]:
        """Returns the page that holds the mark's record and, where that ends it, the next one, asked for side by side.

        None for a page whose token is refused. Raises SourceError.
        """
        query = self.plan.query
        asked = [self._page(query, mark.token, mark.limit, mark.bound)]
        if mark.following is not None:
            asked.append(self._page(query, mark.following, mark.limit, mark.bound))
        held, *others = await asyncio.gather(*asked, return_exceptions=True)
        if isinstance(held, BaseException):
            if not isinstance(held, SourceBadRequest) or mark.token is None or mark.at is None or not self._by_time:
                raise held
            return None, None
        # The next page's token may be refused as well: the held page has a newer one.
        return held, next((page for page in others if isinstance(page, Page)), None)

    async def _begin_by_time(self, need: int, at: int) -> None:
        """Enters the list at an instant: rows before it are passed over, those at it up to the last record."""
        last, before = self._anchors()
        self._token, self._bound = None, at
        self._size = self._page_size(need + 1)
        passed: list[ContactRecord | None] = []
        pages: list[tuple[Page, str | None]] = []
        while True:
            token: str | None = self._token
            page = await self._page(self.plan.query, token, self._size, at)
            pages.append((page, token))
            passed += page.records
            found = newest_anchor([_id(record) for record in passed], last, before)
            tail = passed[-1] if passed else None
            more = page.has_more and page.next_token is not None
            if (found is not None and found[1] == 0) or not more or (tail is not None and self._beyond(tail, at)):
                break
            if len(passed) >= self.scan_limit:
                self.scanned += len(passed)
                self.stop_at_limit()
                return
            self._token = page.next_token
        if found is None:
            start = next((i for i, record in enumerate(passed) if record is None or not self._short_of(record, at)), 0)
            tied = any(record is not None and _micros(record) == at for record in passed)
            if tied and not await self._anchored_before(at, last, before):
                self._drifted()
            if passed and all(record is not None and self._short_of(record, at) for record in passed):
                start = len(passed)
        else:
            start = found[0] + 1
        self._remember([_id(record) for record in passed[:start]], found)
        for page, token in pages:
            self._token = token
            count = len(page.records)
            self._take(page, min(start, count))
            start = max(0, start - count)

    async def _anchored_before(self, at: int, last: str | None, before: tuple[int, ...]) -> bool:
        """Whether an anchor is left right before an instant: then all of the instant is still to come."""
        ids: list[str] = []
        token: str | None = None
        read = 0
        while len(ids) < ANCHORS and read < self.scan_limit:
            page = await self._page(self._reversed(), token, self._page_size(4 * ANCHORS), at, reverse=True)
            ids += [_id(record) for record in page.records if record is not None and self._short_of(record, at)]
            read += len(page.records)
            token = page.next_token
            if not page.has_more or token is None:
                break
        return newest_anchor(ids, last, before) is not None

    def _remember(self, ids: Sequence[str], found: tuple[int, int] | None) -> None:
        """Makes rows that stand in front of the place found the anchors to go on from; those that are gone go."""
        if found is None or found[1] == 0 or self._rows or self._mark is None:
            return
        last, before = anchors(ids[-ANCHORS:], (None, ()))
        kept = self._mark.before[found[1] :]
        self._mark = structs.replace(self._mark, last=last, before=(*before, *kept)[: ANCHORS - 1])

    def _take(self, page: Page, start: int) -> None:
        """Consumes a page's rows from `start` on and moves to the next page."""
        token, more = self._token, page.has_more and page.next_token is not None
        count = len(page.records)
        for index in range(start, count):
            record = page.records[index]
            if self._past_limit(record):
                self.ended = True
                return
            following = page.next_token if index + 1 == count and more else None
            self._rows.append(_Row(record, _Place(token, self._size, index + 1, self._bound, following)))
            if record is not None and self.holds(record):
                self.items.append(record)
                self._item_rows.append(len(self._rows) - 1)
        self.scanned += count - start
        if not more:
            self.ended = True
        elif page.next_token == token:
            raise SourceInvalidResponse(
                self.source.name, f"{self.source.name} gave the same cursor again; expected the next page's"
            )
        self._token = page.next_token

    def _after_overlap(self, page: Page) -> int:
        """Returns where a following page's new rows begin: after those met already, should it repeat some."""
        last, _ = self._anchors()
        if last is None:
            return 0
        found = newest_anchor(_ids(page), last, ())
        return 0 if found is None else found[0] + 1

    def _past_limit(self, record: ContactRecord | None) -> bool:
        limit = self._limit
        if not self.bounds.bounded_before or limit is None or record is None:
            return False
        if self.bounds.before_own and record.native_id == limit.last:
            return True
        if self._rows and self._rows[-1].native_id == limit.last:
            return True
        return limit.at is not None and self._by_time and self._beyond(record, limit.at)

    @property
    def reversible(self) -> bool:
        """Whether it can be read from the other end: ordered by a time that it can be filtered by."""
        mark = self._mark
        return self._by_time and not (isinstance(mark, TokenMark) and mark.at is None)

    # ------------------------------------------------------------ backward

    async def _backward(self, need: int) -> None:
        mark = self._mark
        # Go on from the furthest row read; the anchor of the first page is the mark itself.
        at: int | None = None
        last: str | None = None
        exclusive = self.bounds.before_own
        if self._rows:
            record = self._rows[-1].record
            at, last, exclusive = (None if record is None else _micros(record)), self._rows[-1].native_id, True
        elif mark is not None:
            at, last = mark.at, mark.last
        gathered, exhausted = await self._gathered_back(need, at)
        read = len(self._rows)
        if gathered:
            ordered = await self._in_forward_order(need, gathered, at, exhausted)
            self._consume_back(ordered, at, last, exclusive)
        if exhausted:
            self.ended = True
        elif len(self._rows) == read and not self.ended:
            self.stop_at_limit()
        self._hand_out()

    def _hand_out(self) -> None:
        """Makes items of the rows read backward, all but the furthest: the row in front of a page is what the page
        before it is found by."""
        stop = len(self._rows) - (0 if self.ended else 1)
        for row in range(self._handed_out, stop):
            record = self._rows[row].record
            if record is not None and self.holds(record):
                self.items.append(record)
                self._item_rows.append(row)
        self._handed_out = max(self._handed_out, stop)

    async def _gathered_back(self, need: int, at: int | None) -> tuple[list[ContactRecord], bool]:
        """Returns rows from an instant on in the reversed order, nearest first, and whether they are all."""
        query = self._reversed()
        rows: list[ContactRecord] = []
        token: str | None = None
        size = self._page_size(need + 2)
        while True:
            page = await self._page(query, token, size, at, reverse=True)
            rows += [
                record for record in page.records if record is not None and (at is None or not self._beyond(record, at))
            ]
            self.scanned += len(page.records)
            more = page.has_more and page.next_token is not None
            # Those of the instant itself may lie on either side of the position: they do not count.
            certain = sum(1 for record in rows if at is None or _micros(record) != at)
            if not more or certain >= need or self.scanned >= self.scan_limit:
                return rows, not more
            token = page.next_token

    async def _in_forward_order(
        self, need: int, gathered: list[ContactRecord], at: int | None, exhausted: bool
    ) -> list[ContactRecord]:
        """Returns the gathered rows in the list's own order, nearest first.

        Equal times may stand in either order in the reversed list, which no page promises: then the stretch is
        read again forward. A last group of equal times may go on beyond what was read, so it counts as such.
        """
        times = [_micros(record) for record in gathered]
        whole = gathered if exhausted else [record for record in gathered if _micros(record) != times[-1]]
        distinct = {_micros(record) for record in whole}
        if len(distinct) == len(whole) and (exhausted or len(distinct - {at}) >= need):
            return whole
        far = times[-1]
        query = self.plan.query
        forward: list[ContactRecord] = []
        token: str | None = None
        while True:
            page = await self._page(query, token, self._page_size(100), far, until=at)
            forward += [
                record
                for record in page.records
                if record is not None
                and not self._short_of(record, far)
                and (at is None or not self._beyond(record, at))
            ]
            self.scanned += len(page.records)
            if not (page.has_more and page.next_token is not None):
                return forward[::-1]
            token = page.next_token

    def _consume_back(
        self, nearest_first: list[ContactRecord], at: int | None, last: str | None, exclusive: bool
    ) -> None:
        start = 0
        if last is not None:
            place = next((i for i, record in enumerate(nearest_first) if record.native_id == last), None)
            if place is not None:
                start = place + 1 if exclusive else place
            else:
                # The anchor is gone: an older one still tells which of its instant were emitted.
                before = self._mark.before if self._mark is not None and not self._rows else ()
                ids = [record.native_id for record in nearest_first]
                found = newest_anchor(ids, None, before)
                if found is not None:
                    start = found[0]
                elif any(_micros(record) == at for record in nearest_first):
                    self._drifted()
        limit = self._limit
        for record in nearest_first[start:]:
            if limit is not None and (
                record.native_id == limit.last or (limit.at is not None and self._short_of(record, limit.at))
            ):
                self.ended = True
                return
            self._rows.append(_Row(record, None))

    # ------------------------------------------------------------ requests

    async def _page(
        self,
        query: ListQuery,
        token: str | None,
        size: int,
        bound: int | None,
        *,
        reverse: bool = False,
        until: int | None = None,
    ) -> Page:
        if bound is not None:
            query = _narrowed(query, bound, older=self._descending is not reverse)
        if until is not None:
            query = _narrowed(query, until, older=not self._descending)
        provider = self.source.provider
        page, response = await self.operation.ask(
            self.source, provider.contacts_request(query, Token(token, size)), provider.contacts_page
        )
        self.met([response], page.bad)
        return page

    def _reversed(self) -> ListQuery:
        query = self.plan.query
        orders = (Order(OrderField.UPDATED_AT, not self._descending),)
        return ListQuery(query.conditions, query.search, orders, query.parts)

    def _page_size(self, need: int) -> int:
        largest = self.source.max_page_size
        if self.plan.residual is not None:
            need = max(need, largest // 2)
        return max(1, min(need, largest))

    # ------------------------------------------------------------ order

    def _beyond(self, record: ContactRecord, at: int) -> bool:
        """Whether a record comes after an instant in the list's order."""
        time = _micros(record)
        return time < at if self._descending else time > at

    def _short_of(self, record: ContactRecord, at: int) -> bool:
        """Whether a record comes before an instant in the list's order."""
        time = _micros(record)
        return time > at if self._descending else time < at

    def _drifted(self) -> None:
        self.warn(
            SourceErrorCode.PAGE_DRIFT,
            "the list moved between two pages and none of the last eight contacts is left to go on from",
        )

    # ------------------------------------------------------------ marks

    def _anchors(self) -> tuple[str | None, tuple[int, ...]]:
        return anchors([row.native_id for row in self._rows[-ANCHORS:]], self._older())

    def _older(self) -> tuple[str | None, tuple[int, ...]]:
        mark = self._mark
        return (None, ()) if mark is None or not self.forward else (mark.last, mark.before)

    def mark_after(self, item: int) -> TokenMark | KeyMark:
        return self._mark_at(self._item_rows[item])

    def _mark_at(self, row: int) -> TokenMark | KeyMark:
        record = self._rows[row].record
        at = None if record is None or record.updated_at is None else _micros(record)
        if not self.forward:
            ids = [behind.native_id for behind in reversed(self._rows[row : row + ANCHORS])]
            last, before = anchors(ids)
            return KeyMark(at or 0, last, before)
        ids = [behind.native_id for behind in self._rows[max(0, row - ANCHORS + 1) : row + 1]]
        last, before = anchors(ids, self._older())
        place = self._rows[row].after
        assert place is not None
        return TokenMark(place.token, place.limit, place.position, last, before, at, place.bound, place.following)

    def mark_before(self, item: int) -> TokenMark | KeyMark | None:
        row = self._item_rows[item]
        if self.forward:
            return self._mark_at(row - 1) if row else self._mark
        return self._mark_at(row + 1) if row + 1 < len(self._rows) else None

    def base_mark(self) -> TokenMark | KeyMark | None:
        return self._mark

    def end_mark(self) -> TokenMark | KeyMark | None:
        return self._mark_at(len(self._rows) - 1) if self._rows else self._mark


def _narrowed(query: ListQuery, at: int, *, older: bool) -> ListQuery:
    """Returns the query for rows no newer (`older`) or no older than an instant, within the query's own range."""
    instant = _EPOCH + timedelta(microseconds=at) + (_SLACK if older else -_SLACK)
    operator = Operator.LTE if older else Operator.GTE
    kept: list[Condition] = []
    for condition in query.conditions:
        if condition.field == "updatedAt" and condition.operator is operator:
            assert isinstance(condition.value, datetime)
            instant = min(instant, condition.value) if older else max(instant, condition.value)
        else:
            kept.append(condition)
    return ListQuery((*kept, Condition("updatedAt", operator, instant)), query.search, query.orders, query.parts)


def _micros(record: ContactRecord) -> int:
    """Returns when a record was updated, in microseconds since the epoch; the epoch when the source does not say."""
    return 0 if record.updated_at is None else (record.updated_at - _EPOCH) // timedelta(microseconds=1)


def _id(record: ContactRecord | None) -> str:
    return "" if record is None else record.native_id


def _ids(page: Page) -> list[str]:
    return [_id(record) for record in page.records]
