"""A cursor list read forward: by its tokens, and by time where a token fails (DESIGN.md 6)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from msgspec import structs

from providers.spi.errors import SourceBadRequest
from providers.spi.page import Page
from providers.spi.record import ContactRecord
from resolvers.cursors.anchors import ANCHORS, anchors, newest_anchor
from resolvers.cursors.bookmarks import InstantBookmark, PageTokenBookmark
from resolvers.planning.plan import SourcePlan
from resolvers.reading.progress import Progress, Tokens
from resolvers.request.operation import Operation
from resolvers.streams.base import Bounds
from resolvers.streams.page_token.base import ChainPlace, CursorListStream, Row
from resolvers.streams.page_token.chain import MOVED, instant_of, more_after
from resolvers.streams.page_token.reentry import Anchors, Entry, TooFar, enter

# How many pages of a short chain are read one after the other before a longer one is begun by time.
_CHAIN = 3


class PageTokenStream(CursorListStream):
    """One cursor list forward from a bookmark, or from its start."""

    def __init__(self, operation: Operation, plan: SourcePlan, bounds: Bounds) -> None:
        super().__init__(operation, plan, bounds, forward=True)
        self._token: str | None = None
        self._size = 0
        self._bound: int | None = None
        self._begun = False
        self._tokens = Tokens(self.source.name)

    async def _fill(self, count: int) -> None:
        progress = Progress(self.source.name)
        while len(self.items) < count and not self.ended and not self.stopped:
            progress.check(len(self._rows), (self._begun, self._token, self._bound))
            if self.at_scan_limit:
                self.stop_at_limit()
                return
            await self._read(count - len(self.items))

    async def _read(self, need: int) -> None:
        if not self._begun:
            self._begun = True
            await self._begin(need)
            return
        bookmark, read = self.end_bookmark(), len(self._rows)
        self._chain.note(with_latest=True)
        try:
            page = await self._chain.page(self._token, self._size, self._bound)
        except SourceBadRequest:
            # The token did not live long enough: go on by the time of the last row.
            if bookmark is None or bookmark.at is None or not self._chain.by_time:
                raise
            await self._begin_by_time(need, bookmark.at)
            if len(self._rows) == read and not self.ended and not self.stopped:
                raise
            return
        if not self._chain.consistent and isinstance(bookmark, PageTokenBookmark):
            # The page before is an older one: it may have moved since.
            self._chain.past_cache()
            await self._begin_by_token(need, bookmark)
            return
        await self._take(page, self._after_overlap(page))

    # ------------------------------------------------------------ beginning

    async def _begin(self, need: int) -> None:
        bookmark = self._bookmark
        if bookmark is None:
            self._size = self._page_size(need)
            await self._take(await self._chain.page(None, self._size, None), 0)
        elif isinstance(bookmark, PageTokenBookmark):
            await self._begin_by_token(need, bookmark)
        else:
            await self._begin_by_time(need, bookmark.at)

    async def _begin_by_token(self, need: int, bookmark: PageTokenBookmark) -> None:
        if need > _CHAIN * bookmark.limit and bookmark.at is not None and self._chain.by_time:
            await self._begin_by_time(need, bookmark.at)
            return
        self._token, self._size, self._bound = bookmark.token, bookmark.limit, bookmark.bound
        self._tokens = Tokens(self.source.name)
        self._tokens.check(-1, bookmark.token)
        page, following = await self._resumed(bookmark)
        if page is None:
            # A token may have expired, or named a row that is gone.
            assert bookmark.at is not None
            await self._begin_by_time(need, bookmark.at)
            return
        ids = self._unmoved(page, bookmark)
        if 0 < bookmark.index <= len(ids) and ids[bookmark.index - 1] in (bookmark.last, ""):
            await self._take(page, bookmark.index)
            if following is not None and bookmark.index == len(ids):
                self._token = bookmark.following
                await self._take(following, self._after_overlap(following))
        elif bookmark.last in ids:
            await self._take(page, ids.index(bookmark.last) + 1)
        elif bookmark.at is not None and self._chain.by_time:
            # It may stand on another page now, so an older anchor on this one tells nothing yet.
            await self._begin_by_time(need, bookmark.at)
        elif (found := newest_anchor(ids, bookmark.last, bookmark.before)) is not None:
            self._remember(page.native_ids[: found[0] + 1], found)
            await self._take(page, found[0] + 1)
        else:
            self.drifted()
            await self._take(page, min(bookmark.index, len(ids)))

    def _unmoved(self, page: Page, bookmark: PageTokenBookmark) -> Sequence[str]:
        """Returns the ids of a page's rows, "" for those that were updated since the bookmark was made, and so
        moved."""
        ids = page.native_ids
        if bookmark.at is None or not self._chain.by_time or bookmark.last not in ids:
            return ids
        place = ids.index(bookmark.last)
        record = page.records[place]
        if record is None or instant_of(record) == bookmark.at:
            return ids
        return [*ids[:place], MOVED, *ids[place + 1 :]]

    async def _resumed(self, bookmark: PageTokenBookmark) -> tuple[Page | None, Page | None]:
        """Returns the page that holds the bookmark's record and, where that ends it, the next one, asked for side by
        side.

        None for a page whose token is refused. Raises SourceError.
        """
        tokens = [bookmark.token] if bookmark.following is None else [bookmark.token, bookmark.following]

        async def ask() -> list[Page | BaseException]:
            self._chain.note()
            asked = [self._chain.page(token, bookmark.limit, bookmark.bound) for token in tokens]
            return await asyncio.gather(*asked, return_exceptions=True)

        held, *others = await ask()
        if not self._chain.consistent:
            self._chain.past_cache()
            held, *others = await ask()
        if isinstance(held, BaseException):
            by_time = bookmark.at is not None and self._chain.by_time
            if not isinstance(held, SourceBadRequest) or bookmark.token is None or not by_time:
                raise held
            return None, None
        # The next page's token may be refused as well: the held page has a newer one.
        return held, next((page for page in others if isinstance(page, Page)), None)

    async def _begin_by_time(self, need: int, at: int) -> None:
        self._token, self._bound = None, at
        self._tokens = Tokens(self.source.name)
        self._size = self._page_size(need + 1)
        try:
            entry = await self._of_one_time(partial(self._entered, at))
        except TooFar as error:
            self.scanned += error.read
            self.stop_at_limit()
            return
        if entry.lost:
            self.drifted()
        self._remember(entry.passed_ids, entry.found)
        start = entry.passed
        for page, token in entry.pages:
            if self.ended:
                return
            self._token = token
            count = len(page.records)
            await self._take(page, min(start, count))
            start = max(0, start - count)

    async def _entered(self, at: int) -> Entry:
        """Returns where the list goes on after the furthest row read, which was updated `at`."""
        place = self.end_bookmark()
        ahead = place.ahead if isinstance(place, InstantBookmark) else None
        tied = None if place is None else place.tied
        return await enter(self._chain, at, self._anchors(), self._size, self.scan_limit, ahead=ahead, tied=tied)

    def _remember(self, ids: Sequence[str], found: tuple[int, int] | None) -> None:
        """Makes rows that stand in front of the place found the anchors to go on from; those that are gone go."""
        bookmark = self._bookmark
        if found is None or found[1] == 0 or self._rows or bookmark is None:
            return
        last, before = anchors(ids[-ANCHORS:], (None, ()))
        tied = None if bookmark.tied is None else len(before) + max(0, bookmark.tied - found[1])
        self._bookmark = structs.replace(
            bookmark,
            last=last,
            before=(*before, *bookmark.before[found[1] :])[: ANCHORS - 1],
            tied=None if tied is None or tied >= ANCHORS else tied,
        )

    # ------------------------------------------------------------ rows

    async def _take(self, page: Page, start: int) -> None:
        """Consumes a page's rows from `start` on and moves to the next page."""
        token, more = self._token, more_after(page)
        count = len(page.records)
        if self.bounds.bounded_before and self._passed_limit(page.native_ids[:start]):
            self.ended = True
            return
        if not self._rows and start:
            self.edge = page.records[start - 1]
        if self.plan.residual is not None:
            await self.judge(page.records[start:])
        for index in range(start, count):
            record = page.records[index]
            if self._past_limit(record):
                self.ended = True
                return
            following = page.next_token if index + 1 == count and more else None
            # Judged before the row counts as read: where the budget ends here, reading goes on with this row.
            holds = record is not None and self.holds(record)
            self._rows.append(Row(record, ChainPlace(token, self._size, index + 1, self._bound, following)))
            if record is not None and holds:
                self.items.append(record)
                self._item_rows.append(len(self._rows) - 1)
        self.scanned += count - start
        if not more:
            self.ended = True
        else:
            self._tokens.check(len(self._rows), page.next_token)
        self._token = page.next_token

    def _after_overlap(self, page: Page) -> int:
        """Returns where a following page's new rows begin: after those met already, should it repeat some."""
        last, _ = self._anchors()
        if last is None:
            return 0
        found = newest_anchor(page.native_ids, last, ())
        if found is None:
            return 0
        bookmark, record = self.end_bookmark(), page.records[found[0]]
        if self._chain.by_time and bookmark is not None and record is not None and instant_of(record) != bookmark.at:
            # It was updated meanwhile, and comes again where it is now.
            return 0
        return found[0] + 1

    def _past_limit(self, record: ContactRecord | None) -> bool:
        limit = self._limit
        if not self.bounds.bounded_before or limit is None or record is None:
            return False
        if self.bounds.excludes_bookmark_record and record.native_id == limit.last:
            return True
        if self._rows and self._rows[-1].native_id == limit.last:
            return True
        return limit.at is not None and self._chain.by_time and self._chain.beyond(record, limit.at)

    # ------------------------------------------------------------ bookmarks

    def _anchors(self) -> Anchors:
        return anchors([row.native_id for row in self._rows[-ANCHORS:]], self._older())

    def _older(self) -> Anchors:
        return (None, ()) if self._bookmark is None else (self._bookmark.last, self._bookmark.before)

    def bookmark_after(self, item: int) -> PageTokenBookmark:
        return self._bookmark_at(self._item_rows[item])

    def _bookmark_at(self, row: int) -> PageTokenBookmark:
        record, place = self._rows[row].record, self._rows[row].after
        assert place is not None
        at = None if record is None or record.updated_at is None else instant_of(record)
        ids = [behind.native_id for behind in self._rows[max(0, row - ANCHORS + 1) : row + 1]]
        last, before = anchors(ids, self._older())
        tied = None if at is None else self._tied(row, at)
        return PageTokenBookmark(
            place.token, place.limit, place.position, last, before, at, place.bound, place.following, tied
        )

    def _tied(self, row: int, at: int) -> int | None:
        """Returns how many rows in front of a row are of its instant, None where that is not known or they are more
        than the anchors. An unreadable one may be of it."""
        count = 0
        for older in range(row - 1, max(-1, row - ANCHORS - 1), -1):
            record = self._rows[older].record
            if record is not None and instant_of(record) != at:
                return count if count < ANCHORS else None
            count += 1
        bookmark = self._bookmark
        if bookmark is not None and bookmark.at == at:
            if bookmark.tied is None or bookmark.last is None:
                return None
            count += 1 + bookmark.tied
        elif bookmark is not None and bookmark.at is None:
            return None
        return count if count < ANCHORS else None

    def bookmark_before(self, item: int) -> PageTokenBookmark | InstantBookmark | None:
        row = self._item_rows[item]
        return self._bookmark_at(row - 1) if row else self._bookmark

    def end_bookmark(self) -> PageTokenBookmark | InstantBookmark | None:
        return self._bookmark_at(len(self._rows) - 1) if self._rows else self._bookmark
