"""The two directions in which a page is read: what differs between `first` and `last` (DESIGN.md 6)."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from msgspec import structs

from providers.spi.errors import SourceError
from resolvers.cursors.bookmarks import Bookmark, PageNumberBookmark, SortedHereBookmark
from resolvers.cursors.codec import Place
from resolvers.paging.merge import Fill, Part, by_keys, by_rank
from resolvers.paging.page_request import PageRequest
from resolvers.paging.stream_factory import StreamFactory, from_the_end
from resolvers.streams.base import Bounds, Stream

# Where a source stands that is read backward and has given nothing yet; forward nothing follows there.
_THE_END = Place(exhausted=True)


class Direction(ABC):
    """How the sources' parts of a page are opened, merged, and where they stand around the page.

    A page's items are pairs of a part and the index of one of its stream's records.
    """

    forward: ClassVar[bool]

    def __init__(self, request: PageRequest) -> None:
        self.request = request

    @abstractmethod
    def open(self, index: int, factory: StreamFactory, sources: int) -> Part:
        """Returns a source's part of the page, one of so many; without a stream when the source has nothing there."""

    async def merge(self, parts: Sequence[Part], fill: Fill) -> list[tuple[Part, int]]:
        """Returns the page's items in the list's own direction."""
        size, orders = self.request.size, self.request.orders
        if orders:
            return await by_keys(parts, size, orders, fill, forward=self.forward)
        return await by_rank(parts, size, fill, forward=self.forward)

    @abstractmethod
    def rank_before_page(self, part: Part) -> int:
        """Returns how many records a part has emitted before the page."""

    @abstractmethod
    def place_before_page(self, part: Part) -> Place:
        """Returns where a part stands before the page's first item."""

    @abstractmethod
    def last_item(self, part: Part) -> int:
        """Returns which record of a part, that has one on the page, is the last there in the list's own direction."""

    def place_after(self, part: Part, item: int, emitted: int) -> Place:
        """Returns where a part stands right after a record, with which it has emitted so many on the page."""
        assert part.stream is not None
        last = emitted == len(part.stream.items) and self.list_ended(part.stream)
        return Place(self.rank_before_page(part) + emitted, last, part.stream.bookmark_after(item))

    def list_ended(self, stream: Stream) -> bool:
        """Returns whether it is known that nothing follows the stream's records in the list's own direction."""
        return False

    @abstractmethod
    def has_next(self, more: bool) -> bool:
        """Returns `hasNextPage`; `more` when there are records beyond the page in reading direction."""

    @abstractmethod
    def has_previous(self, more: bool) -> bool:
        """Returns `hasPreviousPage`; `more` when there are records beyond the page in reading direction."""

    def _bounds(self, index: int, before: Place | None, excludes_bookmark_record: bool) -> Bounds:
        after = self.request.after_place(index)
        return Bounds(
            after.bookmark if after is not None else None,
            before.bookmark if before is not None else None,
            excludes_bookmark_record=excludes_bookmark_record,
            bounded_after=after is not None and after.bookmark is not None,
            bounded_before=before is not None,
        )


class Forward(Direction):
    """A page of the first records after a place."""

    forward = True

    def open(self, index: int, factory: StreamFactory, sources: int) -> Part:
        """Returns a source's part of the page."""
        place, before = self.request.first_place(index), self.request.before_place(index)
        part = Part(index, factory.plan, place, rank=place.rank)
        if not factory.plan.never and not place.exhausted:
            excluded = before is not None and self.request.excludes_bookmark_record(index, before)
            part.stream = factory.open(self._bounds(index, before, excluded), forward=self.forward)
        return part

    def rank_before_page(self, part: Part) -> int:
        """Returns how many records a part has emitted before the page."""
        return part.rank

    def place_before_page(self, part: Part) -> Place:
        """Returns where a part stands before the page's first item."""
        stream = part.stream
        if stream is None or (part.error is not None and not part.taken):
            return part.place
        exhausted = part.place.exhausted or (self.list_ended(stream) and not stream.items)
        return Place(part.rank, exhausted, stream.base_bookmark())

    def last_item(self, part: Part) -> int:
        """Returns which record of a part is its last on the page."""
        return part.taken - 1

    def list_ended(self, stream: Stream) -> bool:
        """Returns whether the list ended there, and not only the stretch up to `before`."""
        return self.request.before is None and stream.ended

    def has_next(self, more: bool) -> bool:
        """Returns `hasNextPage`."""
        return more or self.request.before is not None

    def has_previous(self, more: bool) -> bool:
        """Returns `hasPreviousPage`."""
        return self.request.after is not None


class Backward(Direction):
    """A page of the last records before a place. The streams' records come from the end."""

    forward = False

    def open(self, index: int, factory: StreamFactory, sources: int) -> Part:
        """Returns a source's part of the page."""
        before = self.request.before_place(index)
        if before is None or before == _THE_END:
            return self._open_from_end(index, factory, sources)
        part = Part(index, factory.plan, before, rank=before.rank)
        if factory.plan.never:
            return part
        excluded = self.request.excludes_bookmark_record(index, before)
        newly_excluded = excluded and not before.excludes_bookmark_record
        part.rank = max(0, before.rank - (1 if newly_excluded else 0))
        if _nothing_before(before.bookmark, excluded):
            part.place = self.request.first_place(index)
            return part
        part.place = structs.replace(before, rank=part.rank, excludes_bookmark_record=excluded)
        part.stream = factory.open(self._bounds(index, before, excluded), forward=self.forward)
        return part

    def _open_from_end(self, index: int, factory: StreamFactory, sources: int) -> Part:
        # Ranks are counted from the start: the end's are known when the list's length is. One list needs none.
        part = Part(index, factory.plan, _THE_END, from_end=sources > 1)
        if factory.plan.never:
            return part
        bounds = self._bounds(index, None, False)
        part.stream = factory.open(bounds, forward=False)
        if part.from_end and not self.request.orders:
            part.stream = from_the_end(part.stream, lambda: factory.open(bounds, forward=True))
        return part

    async def merge(self, parts: Sequence[Part], fill: Fill) -> list[tuple[Part, int]]:
        """Returns the page's items in the list's own direction."""
        if not self.request.orders:
            await asyncio.gather(*(self._find_end(part) for part in parts if part.live and part.from_end))
        page = await super().merge(parts, fill)
        return page[::-1]

    async def _find_end(self, part: Part) -> None:
        """Notes a part's rank at the list's end, or its failure."""
        assert part.stream is not None
        try:
            length = await part.stream.find_end()
        except SourceError as error:
            part.error = error
            return
        part.rank = self.request.first_place(part.index).rank + len(part.stream.items) if length is None else length

    def rank_before_page(self, part: Part) -> int:
        """Returns how many records a part has emitted before the page."""
        # In an order of keys nobody counts ranks, and from the end they are not known.
        return max(0, part.rank - part.taken)

    def place_before_page(self, part: Part) -> Place:
        """Returns where a part stands before the page's first item."""
        stream = part.stream
        if stream is None or (part.error is not None and not part.taken):
            return part.place
        if stream.ended and part.taken == len(stream.items):
            # Nothing of it stands before the page.
            return self.request.first_place(part.index)
        if part.taken:
            return Place(self.rank_before_page(part), bookmark=stream.bookmark_before(part.taken - 1))
        return Place(part.rank, bookmark=stream.bookmark_after(0)) if stream.items else part.place

    def last_item(self, part: Part) -> int:
        """Returns which record of a part is its last on the page: the one read first."""
        return 0

    def has_next(self, more: bool) -> bool:
        """Returns `hasNextPage`."""
        return self.request.before is not None

    def has_previous(self, more: bool) -> bool:
        """Returns `hasPreviousPage`."""
        return more or self.request.after is not None


def direction(request: PageRequest) -> Direction:
    """Returns how the page is read."""
    return Forward(request) if request.forward else Backward(request)


def _nothing_before(bookmark: Bookmark | None, excludes_bookmark_record: bool) -> bool:
    """Returns whether nothing stands before a bookmark; when it is excluded, before the record in front of it."""
    if isinstance(bookmark, PageNumberBookmark | SortedHereBookmark):
        return bookmark.index <= (1 if excludes_bookmark_record else 0)
    return bookmark is None
