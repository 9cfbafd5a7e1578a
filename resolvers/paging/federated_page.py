"""One page of a federated connection: places from the cursors, merged streams, cursors again (DESIGN.md 6 and 8)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from msgspec import structs

from providers.spi.errors import SourceError, SourceErrorCode
from providers.spi.query import Order
from resolvers.cursors.bookmarks import Bookmark, PageNumberBookmark, SortedHereBookmark
from resolvers.cursors.codec import Fingerprint, Place, fingerprint
from resolvers.model.records import (
    ContactConnectionRecord,
    Outcome,
    PageInfoRecord,
    SourceErrorPolicy,
)
from resolvers.model.selection import Wanted
from resolvers.paging.arguments import CheckedPage, PageArguments
from resolvers.paging.merge import Part, by_keys, by_rank
from resolvers.paging.slices import Counts, fill
from resolvers.paging.stream_factory import StreamFactory, from_the_end
from resolvers.request.operation import Operation
from resolvers.streams.base import Bounds, Stream

# A source that failed so stays failed: it does not keep hasNextPage true (DESIGN.md 6).
_FOR_GOOD = {
    SourceErrorCode.SOURCE_UNAUTHENTICATED,
    SourceErrorCode.SOURCE_FORBIDDEN,
    SourceErrorCode.SORT_NOT_SUPPORTED,
    SourceErrorCode.SCAN_LIMIT_EXCEEDED,
}

# Where a source stands that is read backward and has given nothing yet; forward nothing follows there.
_THE_END = Place(exhausted=True)


async def federated(
    operation: Operation,
    kind: str,
    question: object,
    factories: Sequence[StreamFactory],
    page: PageArguments,
    orders: tuple[Order, ...],
    policy: SourceErrorPolicy,
    wanted: Wanted,
) -> Outcome:
    """Returns one page over all factories. Raises BadUserInput, and BudgetExceeded when the operation's budget ended
    before anything was read that the page could give.

    `kind` and `question` (by its repr) make the fingerprint that ties cursors to their query.
    """
    how = page.checked()
    bookmark = fingerprint(kind, [factory.plan.source.name for factory in factories], question)
    making = _Page(operation, bookmark, factories, page, how, orders, wanted)
    await making.read()
    making.check_progress()
    if wanted.total:
        await making.counts.count()
    return making.outcome(policy)


def _at_start(bookmark: Bookmark | None, own: bool) -> bool:
    """Whether nothing stands before a bookmark, or (`own`) before the record in front of it."""
    if isinstance(bookmark, PageNumberBookmark | SortedHereBookmark):
        return bookmark.index <= (1 if own else 0)
    return bookmark is None


def _moved(part: Part) -> bool:
    """Whether the next page begins further on in the part's list, though this one has nothing of it (`_beyond`)."""
    stream = part.stream
    if stream is None or part.error is not None or not stream.stopped or part.taken < len(stream.items):
        return False
    return stream.end_bookmark() != stream.base_bookmark()


class _Page:
    """A page while it is made. `items` are its contacts in the list's own direction."""

    def __init__(
        self,
        operation: Operation,
        bookmark: Fingerprint,
        factories: Sequence[StreamFactory],
        page: PageArguments,
        how: CheckedPage,
        orders: tuple[Order, ...],
        wanted: Wanted,
    ) -> None:
        self.operation = operation
        self.fingerprint = bookmark
        self.factories = factories
        self.arguments = page
        self.how = how
        self.orders = orders
        self.wanted = wanted
        codec = operation.cursors
        count = len(factories)
        self.after = None if page.after is None else codec.decode("after", page.after, bookmark, count)
        self.before = None if page.before is None else codec.decode("before", page.before, bookmark, count)
        self.parts = [self._part(index, factory) for index, factory in enumerate(factories)]
        self.counts = Counts(self.parts, factories)
        self.items: list[tuple[Part, int]] = []

    def _part(self, index: int, factory: StreamFactory) -> Part:
        after = self.after.places[index] if self.after is not None else None
        before = self.before.places[index] if self.before is not None else None
        forward = self.how.forward
        place = (after if forward else before) or (Place() if forward else _THE_END)
        from_end = not forward and place == _THE_END
        # Ranks are counted from the start: the end's are known when the list's length is. One list needs none.
        part = Part(index, factory.plan, place, rank=place.rank, from_end=from_end and len(self.factories) > 1)
        if factory.plan.never:
            return part
        if from_end:
            before = None
        own = before is not None and (before.short or (self.before is not None and self.before.own == index))
        if forward and after is not None and after.exhausted:
            return part
        if not forward and before is not None:
            part.rank = max(0, place.rank - (1 if own and not place.short else 0))
            part.place = structs.replace(place, rank=part.rank, short=own)
            if _at_start(before.bookmark, own):
                part.place = after or Place()
                return part
        bounds = Bounds(
            after.bookmark if after is not None else None,
            before.bookmark if before is not None else None,
            excludes_bookmark_record=own,
            bounded_after=after is not None and after.bookmark is not None,
            bounded_before=before is not None,
        )
        part.stream = factory.open(bounds, forward=forward)
        if part.from_end and not self.orders:
            part.stream = from_the_end(part.stream, lambda: factory.open(bounds, forward=True))
        return part

    # ------------------------------------------------------------ reading

    async def read(self) -> None:
        wanted, size = self.wanted, self.how.size
        if not wanted.contacts and not wanted.page_info and (wanted.total or not wanted.slices):
            # Only a total is asked for: that needs no page.
            for part in self.parts:
                part.stream = None
            return
        if size == 0:
            if wanted.page_info:
                await self._fill([(part, 1) for part in self.parts if part.live])
            return
        if self.orders:
            page = await by_keys(self.parts, size, self.orders, self._fill, forward=self.how.forward)
        else:
            await self._rank_from_the_end()
            page = await by_rank(self.parts, size, self._fill, forward=self.how.forward)
        self.items = page if self.how.forward else page[::-1]

    def check_progress(self) -> None:
        """Raises BudgetExceeded when the budget ended and the next page would begin where this one did."""
        over = next((part.over for part in self.parts if part.over is not None), None)
        if over is not None and not self.items and not any(_moved(part) for part in self.parts):
            raise over

    async def _rank_from_the_end(self) -> None:
        await asyncio.gather(*(self._find_end(part) for part in self.parts if part.live and part.from_end))

    async def _find_end(self, part: Part) -> None:
        assert part.stream is not None
        try:
            length = await part.stream.find_end()
        except SourceError as error:
            part.error = error
            return
        if length is None:
            start = 0 if self.after is None else self.after.places[part.index].rank
            length = start + len(part.stream.items)
        part.rank = length

    async def _fill(self, needs: Sequence[tuple[Part, int]]) -> None:
        if len(needs) == 1:
            await fill(*needs[0])
        elif needs:
            await asyncio.gather(*(fill(part, count) for part, count in needs))

    # ------------------------------------------------------------ answer

    def outcome(self, policy: SourceErrorPolicy) -> Outcome:
        errors = [part.error for part in self.parts if part.error is not None]
        if errors and policy is SourceErrorPolicy.FAIL:
            return Outcome(None, errors)
        asked = [part for part in self.parts if part.stream or part.counted or part.error]
        if errors and len(errors) == len(asked) and not self.items:
            if self.arguments.after is None and self.arguments.before is None:
                return Outcome(None, errors)
            told = errors if policy is SourceErrorPolicy.PARTIAL else []
            return Outcome(self._empty(), told)
        return Outcome(self._connection(), errors if policy is SourceErrorPolicy.PARTIAL else [])

    def _empty(self) -> ContactConnectionRecord:
        """Every source failed on a later page: the client keeps its list and can ask again from where it was."""
        given = self.arguments.after if self.how.forward else self.arguments.before
        info = PageInfoRecord(
            self.how.forward or self.arguments.before is not None,
            not self.how.forward or self.arguments.after is not None,
            given,
            given,
        )
        return ContactConnectionRecord([], [], info, None, self.counts.slices())

    def _connection(self) -> ContactConnectionRecord:
        wanted = self.wanted
        nodes = [part.stream.items[item] for part, item in self.items if part.stream is not None]
        more = any(self._has_more(part) for part in self.parts)
        forward = self.how.forward
        has_next = more if forward and not (self.before and not more) else self.arguments.before is not None
        has_previous = more if not forward else self.arguments.after is not None
        if not forward and not more:
            has_previous = self.arguments.after is not None
        cursors, first, last = self._cursors(has_next, has_previous)
        info = PageInfoRecord(has_next, has_previous, first, last)
        total = None
        if wanted.total:
            total = self.counts.total
        return ContactConnectionRecord(cursors, nodes, info, total, self.counts.slices() if wanted.slices else [])

    def _has_more(self, part: Part) -> bool:
        """Whether the part has records beyond the page, in the reading direction."""
        if part.error is not None:
            return part.error.code not in _FOR_GOOD
        stream = part.stream
        if stream is None:
            return False
        return part.taken < len(stream.items) or not stream.ended

    # ------------------------------------------------------------ cursors

    def _cursors(self, has_next: bool, has_previous: bool) -> tuple[list[str], str | None, str | None]:
        """Returns a cursor an edge ("" where nobody wants them), and the page's start and end cursor."""
        wanted = self.wanted
        if not wanted.cursors and not wanted.page_info:
            return [""] * len(self.items), None, None
        places = [self._start(part) for part in self.parts]
        start = None if self.how.forward else self._beyond(places, has_previous)
        seen = [0] * len(self.parts)
        encode = self.operation.cursors.encode
        cursors: list[str] = []
        final = len(self.items) - 1
        for number, (part, item) in enumerate(self.items):
            stream = part.stream
            assert stream is not None
            seen[part.index] += 1
            if not wanted.cursors and 0 < number < final and number != self._last_of(part):
                cursors.append("")
                continue
            places[part.index] = Place(
                self._rank(part) + seen[part.index],
                self._at_the_end(stream) and seen[part.index] == len(stream.items),
                stream.bookmark_after(item),
            )
            if wanted.cursors or number in (0, final):
                cursors.append(encode(self.fingerprint, part.index, places))
            else:
                cursors.append("")
        start = start or (cursors[0] if cursors else None)
        if self.how.forward:
            return cursors, start, self._beyond(places, has_next) or (cursors[-1] if cursors else None)
        return cursors, start, cursors[-1] if cursors else self.arguments.before if has_next else None

    def _beyond(self, places: Sequence[Place], more: bool) -> str | None:
        """Returns a cursor for where reading stopped, beyond the page's edges; None when the last one is as good.

        `places` stand at the page's far side.
        """
        places = list(places)
        beyond = False
        for part in self.parts:
            stream = part.stream
            if stream is not None and part.error is None and stream.stopped and part.taken == len(stream.items):
                bookmark = stream.end_bookmark()
                if part.taken or bookmark != stream.base_bookmark():
                    places[part.index] = Place(places[part.index].rank, bookmark=bookmark)
                beyond = True
        if beyond or (not self.items and more):
            return self.operation.cursors.encode(self.fingerprint, -1, places)
        return None

    def _at_the_end(self, stream: Stream) -> bool:
        """Whether nothing follows the stream's items: the list ended there, not the stretch up to `before`."""
        return self.how.forward and self.before is None and stream.ended

    def _last_of(self, part: Part) -> int:
        """Returns the number of the part's last item on the page."""
        return next(number for number in range(len(self.items) - 1, -1, -1) if self.items[number][0] is part)

    def _rank(self, part: Part) -> int:
        # In an order of keys nobody counts ranks, and from the end they are not known.
        return part.rank if self.how.forward else max(0, part.rank - part.taken)

    def _start(self, part: Part) -> Place:
        """Returns where a part stands before the page's first item."""
        stream = part.stream
        if stream is None or (part.error is not None and not part.taken):
            return part.place
        if self.how.forward:
            nothing = self._at_the_end(stream) and not stream.items
            return Place(part.rank, part.place.exhausted or nothing, stream.base_bookmark())
        if stream.ended and part.taken == len(stream.items):
            # Nothing of it stands before the page: it begins where `after` says, or at its start.
            return Place() if self.after is None else self.after.places[part.index]
        if part.taken:
            return Place(self._rank(part), bookmark=stream.bookmark_before(part.taken - 1))
        return Place(part.rank, bookmark=stream.bookmark_after(0)) if stream.items else part.place
