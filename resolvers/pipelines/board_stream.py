"""Contacts that a source only gives by stage, one stage after the other (DESIGN.md 7, "Tether's search")."""

from __future__ import annotations

from collections.abc import Sequence

from providers.spi.budget import BudgetExceeded
from providers.spi.errors import SourceErrorCode
from providers.spi.provider import Pipeline
from resolvers.cursors.bookmarks import PageNumberBookmark, StageBookmark
from resolvers.pipelines.board import board
from resolvers.planning.plan import SourcePlan
from resolvers.reading.progress import Progress
from resolvers.reading.whole_list import page_sizes
from resolvers.request.operation import Operation
from resolvers.streams.base import Bounds, Stream
from resolvers.streams.page_number.forward import PageNumberStream


class BoardStream(Stream):
    """All stages of the active pipeline in its order, forward (backward: `resolvers.streams.reversed`).

    Each stage is read as the page-number list that it is; an answer to one brings the first page of the others.
    """

    BOOKMARKS = (StageBookmark,)

    def __init__(self, operation: Operation, plan: SourcePlan, bounds: Bounds) -> None:
        super().__init__(operation, plan, bounds, forward=True)
        bookmark, limit = bounds.after, bounds.before
        assert bookmark is None or isinstance(bookmark, StageBookmark)
        assert limit is None or isinstance(limit, StageBookmark)
        self._bookmark = bookmark
        self._limit = limit
        self._board = board(operation, plan, Pipeline(), whole=True)
        # The stages read so far, and where each item stands among theirs.
        self._stages: list[tuple[str, PageNumberStream]] = []
        self._places: list[tuple[int, int]] = []
        self._taken = 0
        if bookmark is not None:
            self._enter(bookmark.stage, bookmark)
        self.warn(
            SourceErrorCode.SEARCH_INCOMPLETE,
            "searches the stages of its active pipeline; contacts outside of it, or in no stage, are not found",
        )

    @property
    def count(self) -> int | None:
        # What holds outside of the stages is not counted.
        return None

    async def fill(self, count: int) -> None:
        progress = Progress(self.source.name)
        while len(self.items) < count and not self.ended and not self.stopped:
            progress.check(len(self._stages) + self.scanned, len(self.items))
            need = count - len(self.items)
            if not self._stages:
                await self._begin(need)
                continue
            if not self.items and await self._is_empty():
                self.ended = True
                return
            stage, stream = self._stages[-1]
            await stream.fill(self._taken + need)
            self._take(stream)
            if stream.ended and not self.stopped:
                await self._go_on(stage)

    def stop_at_budget(self, error: BudgetExceeded) -> None:
        """Ends the reading where the stage that is read stands, with what was read of it."""
        if self._stages:
            self._take(self._stages[-1][1])
        super().stop_at_budget(error)

    async def _begin(self, need: int) -> None:
        """Enters the first stage. Its answer brings a page of all the others."""
        sizes = page_sizes(self.source)
        await self._board.first_page(min(sizes.largest, need if self.plan.residual is None else sizes.largest // 2))
        self._enter_one_of(await self._board.order())

    async def _go_on(self, stage: str) -> None:
        """Enters the stage after one that was read to its end."""
        stages = await self._board.order()
        if stage in stages:
            self._enter_one_of(stages[stages.index(stage) + 1 :], behind=stage)
        else:
            self.warn(SourceErrorCode.PAGE_DRIFT, "the stage where the last page ended is gone")
            self.ended = True

    def _enter_one_of(self, stages: Sequence[str], *, behind: str | None = None) -> None:
        """Enters the first of the stages that may have contacts, up to the one where the stretch ends."""
        last = None if self._limit is None else self._limit.stage
        for stage in () if last is not None and behind == last else stages:
            rows = self._board.known(stage, 0, 1)
            if rows is None or rows.total != 0:
                self._enter(stage, None)
                return
            if stage == last:
                break
        self.ended = True

    async def _is_empty(self) -> bool:
        """Whether the stretch begins in a stage behind the one that it ends in."""
        bookmark, limit = self._bookmark, self._limit
        if bookmark is None or limit is None or bookmark.stage == limit.stage:
            return False
        stages = await self._board.order()
        return {bookmark.stage, limit.stage} <= set(stages) and stages.index(bookmark.stage) > stages.index(limit.stage)

    def _enter(self, stage: str, bookmark: StageBookmark | None) -> None:
        after = (
            None
            if bookmark is None
            else PageNumberBookmark(
                bookmark.index, bookmark.last, bookmark.before, bookmark.total, versions=bookmark.versions
            )
        )
        limit = self._limit
        if limit is not None and limit.stage == stage:
            before = PageNumberBookmark(limit.index, limit.last, limit.before, limit.total, versions=limit.versions)
            bounds = Bounds(
                after, before, excludes_bookmark_record=self.bounds.excludes_bookmark_record, bounded_before=True
            )
        else:
            bounds = Bounds(after)
        reader = self._board.stage(stage, stage)
        stream = PageNumberStream(self.operation, self.plan, bounds, reader, page_sizes(self.source))
        # The scan limit is one for all stages.
        stream.scanned = self.scanned
        self._stages.append((stage, stream))
        self._taken = 0

    def _take(self, stream: PageNumberStream) -> None:
        place = len(self._stages) - 1
        self._places += [(place, item) for item in range(self._taken, len(stream.items))]
        self.items += stream.items[self._taken :]
        self._taken = len(stream.items)
        self.scanned, self.stopped = stream.scanned, stream.stopped
        self.stale = self.stale or stream.stale
        if stream.fetched_at is not None:
            self.fetched_at = min(self.fetched_at or stream.fetched_at, stream.fetched_at)
        self.warnings = stream.warnings | self.warnings
        self.total = self._board.total

    def _of(self, place: int, bookmark: PageNumberBookmark | None) -> StageBookmark | None:
        """Returns a bookmark of one stage as one of all. At a stage's start that is where the stage before it ended."""
        if bookmark is not None:
            return StageBookmark(
                self._stages[place][0],
                bookmark.index,
                bookmark.last,
                bookmark.before,
                bookmark.total,
                bookmark.versions,
            )
        return self._of(place - 1, self._stages[place - 1][1].end_bookmark()) if place else self._bookmark

    def bookmark_after(self, item: int) -> StageBookmark:
        place, inner = self._places[item]
        stage, stream = self._stages[place]
        bookmark = stream.bookmark_after(inner)
        return StageBookmark(stage, bookmark.index, bookmark.last, bookmark.before, bookmark.total, bookmark.versions)

    def bookmark_before(self, item: int) -> StageBookmark | None:
        place, inner = self._places[item]
        return self._of(place, self._stages[place][1].bookmark_before(inner))

    def base_bookmark(self) -> StageBookmark | None:
        return self._of(0, self._stages[0][1].base_bookmark()) if self._bookmark is not None else None

    def end_bookmark(self) -> StageBookmark | None:
        place = len(self._stages) - 1
        return self._of(place, self._stages[place][1].end_bookmark()) if self._stages else self._bookmark
