"""Pages of several stages of one pipeline in one call (DESIGN.md 7, "A board")."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import msgspec
from aiodataloader import DataLoader

from providers.source import Source
from providers.spi.errors import SourceBadRequest, SourceError
from providers.spi.page import Bucket, BucketPage
from providers.spi.provider import Pipeline
from providers.spi.query import ListQuery
from providers.spi.record import ContactRecord
from providers.spi.request import Response
from resolvers.cursors.bookmarks import PageNumberBookmark
from resolvers.pipelines.stage_endpoint import shared_names
from resolvers.planning.plan import SourcePlan
from resolvers.reading.consistency import side_by_side
from resolvers.reading.page_windows import window
from resolvers.reading.paged_list import Rows, changing_sizes
from resolvers.reading.whole_list import page_sizes
from resolvers.request.keys import Key
from resolvers.request.operation import Operation


class StageList(NamedTuple):
    """Which of a stage's two lists a place is in, and how long that was.

    `alone`: as Tether gives it when the stage alone is asked for, which goes by its id; beside others it goes by its
    name. Where contacts still carry an older name (trap 6) these are two.
    """

    alone: bool
    total: int | None


# A stage, the rows from and up to, and the list that they must be of (None: either).
_Key = tuple[str, int, int, StageList | None]
# How often a window is read again for its pages being smaller, or refused as too large.
_ATTEMPTS = 6


class _Answer(NamedTuple):
    """The first page, of `size` rows, of every stage but those `elsewhere` (by `Bucket.key`)."""

    size: int
    buckets: list[Bucket]
    response: Response
    elsewhere: frozenset[str]


class Board(DataLoader[_Key, Any]):
    """All stages of a pipeline under one query: windows of several stages that are asked for together are one POST
    when a common page size holds them, else two side by side."""

    def __init__(
        self, operation: Operation, source: Source, query: ListQuery, pipeline: Pipeline, *, whole: bool = False
    ) -> None:
        super().__init__()
        self._operation = operation
        self._source = source
        self._query = query
        self._pipeline = pipeline
        self._whole = whole
        self._first: _Answer | None = None
        # An answer to some windows holds the first page of every other stage, too.
        self._beside: _Answer | None = None
        self._latest: list[Bucket] = []
        self._names: dict[str, str] = {}
        # The stages that were asked for alone, by their ids.
        self._single: set[str] = set()
        operation.on_forget(source, self._forget)

    def _forget(self) -> None:
        self._first = self._beside = None
        self.clear_all()

    @property
    def total(self) -> int | None:
        """How many contacts all the stages have, None before an answer and where a stage does not say."""
        answer = self._beside or self._first
        totals = [] if answer is None else [bucket.total for bucket in answer.buckets]
        return None if answer is None or None in totals else sum(total or 0 for total in totals)

    @property
    def response(self) -> Response | None:
        """The answer that `first_page` came with, None before it."""
        return self._first.response if self._first is not None else None

    async def first_page(self, size: int) -> list[Bucket]:
        """Returns the first page of every stage; windows within it cost nothing more. Raises SourceError."""
        sizes = page_sizes(self._source)
        while self._first is None or self._first.size < min(size, sizes.largest):
            asked = min(size, sizes.largest)
            try:
                page, response = await self._ask({}, asked, None)
            except SourceBadRequest:
                if not sizes.refused(asked):
                    raise
                continue
            self._first = _Answer(asked, page.buckets, response, frozenset())
        return self._first.buckets

    async def order(self) -> list[str]:
        """Returns the stages in the pipeline's order, as `stage` takes them. Raises SourceError."""
        answer = self._first or self._beside
        buckets = answer.buckets if answer is not None else await self.first_page(1)
        # Each once: a stage that is listed twice has one list of contacts.
        return list(dict.fromkeys(stage_key(bucket) for bucket in buckets))

    async def count(self, key: str, name: str) -> int | None:
        """Returns how many contacts a stage has; free beside windows asked for at the same time. Raises SourceError."""
        self._names[key] = name
        if self._first is not None and not self._shares_name(key):
            return _rows(self._find(self._first.buckets, key), 0, 0, 0, []).total
        counted: Rows[ContactRecord] = await self.load((key, 0, 0, None))
        return counted.total

    def stage(self, key: str, name: str) -> StageReader:
        """Returns the rows of one stage. `key` is its id, or its name, which may also find it where ids are missing."""
        self._names[key] = name
        return StageReader(self, key)

    def _find(self, buckets: Sequence[Bucket], key: str) -> Bucket | None:
        bucket = find(buckets, key)
        # An answer may leave out a stage's id (trap 6); a bucket of that name with another id is another stage.
        named = find(buckets, self._names[key]) if bucket is None and key in self._names else None
        return named if named is not None and named.native_id is None else bucket

    def _asked(self, buckets: Sequence[Bucket], key: str, only: str | None) -> Bucket | None:
        """Returns a stage's bucket; the only one there is where the stage alone was asked for."""
        return buckets[0] if only is not None and len(buckets) == 1 else self._find(buckets, key)

    def _shares_name(self, key: str) -> bool:
        return key in shared_names(self._operation, self._source)

    def known(self, key: str, start: int, stop: int) -> Rows[ContactRecord] | None:
        """Returns rows that have come with the first page of every stage, None when these have not."""
        for answer in (self._first, self._beside):
            if answer is None or self._shares_name(key):
                continue
            bucket = self._find(answer.buckets, key)
            if bucket is not None and bucket.key in answer.elsewhere:
                continue
            whole = bucket is not None and bucket.total is not None and bucket.total <= answer.size
            if (stop <= answer.size or whole) and _short(bucket, 1, answer.size) is None:
                return _rows(bucket, start, stop, 0, [answer.response])
        return None

    async def read(
        self, key: str, start: int, stop: int, place: StageList | None
    ) -> tuple[Rows[ContactRecord], StageList]:
        """Returns rows of a stage, and the list that they are of. Raises SourceError.

        Equally long lists are taken for one, so that stages are asked for alone or together as they come.
        """
        rows, alone = self.known(key, start, stop), False
        if rows is None or _differs(place, rows, alone=False):
            rows = await self.load((key, start, stop, place))
            alone = key in self._single
        return rows, StageList(alone if place is None else place.alone, rows.total)

    async def batch_load_fn(self, keys: Sequence[_Key]) -> list[Any]:
        distinct = dict.fromkeys(keys)
        single = [key for key in distinct if self._shares_name(key[0])]
        answers = dict(zip(single, await asyncio.gather(*map(self._alone, single)), strict=True))
        answers |= await self._together([key for key in distinct if key not in answers])
        return [answers[key] for key in keys]

    async def _alone(self, key: _Key) -> Rows[ContactRecord] | Exception:
        """Returns rows of a stage by a call for it alone."""
        self._single.add(key[0])
        return await self._by_itself((key[0], key[1], max(1, key[2]), key[3]), key[0])

    async def _by_itself(self, key: _Key, only: str | None) -> Rows[ContactRecord] | Exception:
        try:
            return (await self._read([key], only))[key]
        except Exception as error:  # noqa: BLE001  a loader hands every waiter its own failure
            return error

    async def _together(self, keys: Sequence[_Key]) -> dict[_Key, Rows[ContactRecord] | Exception]:
        # One POST holds one page a stage: a stage asked for twice has its second window in the next round.
        answers: dict[_Key, Rows[ContactRecord] | Exception] = {}
        # An empty window asks for the total alone, which every answer tells.
        counts = [key for key in keys if key[2] == 0]
        left = [key for key in keys if key[2] > 0]
        asked = {key[0] for key in left}
        alone = not self._whole and len({key[0] for key in keys}) == len(asked) == 1
        (self._single.update if alone else self._single.difference_update)(asked)
        while left:
            round_: dict[str, _Key] = {}
            for key in left:
                round_.setdefault(key[0], key)
            chosen = list(round_.values())
            try:
                answers |= await self._read(chosen, chosen[0][0] if alone else None)
            except Exception as error:  # noqa: BLE001  a loader hands every waiter its own failure
                answers |= dict.fromkeys([*chosen, *counts], error)
            left = [key for key in left if key not in answers]
        if counts:
            answers = await self._counted(counts, windows=len(answers) > 0) | answers
        for key in keys:
            rows = answers[key]
            if isinstance(rows, Rows) and _differs(key[3], rows, alone=alone):
                # Only now: what counts were taken from is the answer with all the stages.
                answers[key] = await self._by_itself(key, None if alone else key[0])
        return answers

    async def _counted(self, keys: list[_Key], *, windows: bool) -> dict[_Key, Rows[ContactRecord] | Exception]:
        try:
            # The answer that windows of the same batch came in, with all the stages that are counted.
            buckets = self._latest if windows else await self.first_page(1)
        except SourceError as error:
            return dict.fromkeys(keys, error)
        return {key: _rows(self._find(buckets, key[0]), 0, 0, 0, []) for key in keys}

    async def _read(self, keys: list[_Key], only: str | None) -> dict[_Key, Rows[ContactRecord]]:
        shared_sizes = page_sizes(self._source)
        before = shared_sizes.copy()
        sizes = before.copy()
        result: dict[_Key, Rows[ContactRecord]] = {}
        for _ in range(_ATTEMPTS):
            size = self._common_size(keys, sizes.largest)
            firsts = {key: start // size for key, start, *_ in keys}
            more = max((stop - 1) // size - start // size for _, start, stop, _ in keys)
            rounds = [{key: page + turn + 1 for key, page in firsts.items() if page + turn} for turn in range(more + 1)]
            try:
                pages = await side_by_side(
                    [partial(self._ask, pages, size, only) for pages in rounds],
                    lambda: self._operation.forget(self._source),
                )
            except SourceBadRequest:
                if not sizes.refused(size):
                    raise
                continue
            self._latest = pages[0][0].buckets
            if only is None:
                moved = (self._find(self._latest, key) for key in rounds[0])
                elsewhere = frozenset(bucket.key for bucket in moved if bucket is not None)
                self._beside = _Answer(size, self._latest, pages[0][1], elsewhere)
            result = {}
            smaller: int | None = None
            for key in keys:
                found = [self._asked(page.buckets, key[0], only) for page, _ in pages]
                for offset, bucket in enumerate(found):
                    smaller = smaller or _short(bucket, firsts[key[0]] + 1 + offset, size)
                bucket = _merged(found)
                result[key] = _rows(bucket, key[1], key[2], firsts[key[0]] * size, [response for _, response in pages])
            if smaller is not None and sizes.learn(size, smaller):
                continue
            # Where rows are missing, it was not room on a page that lacked.
            if not any(rows.missing for rows in result.values()):
                shared_sizes.adopt(sizes, before)
            return result
        raise changing_sizes(self._source.name)

    @staticmethod
    def _common_size(keys: list[_Key], largest: int) -> int:
        longest = min(largest, max(stop - start for _, start, stop, _ in keys))
        for size in range(longest, largest + 1):
            if all(start // size == (stop - 1) // size for _, start, stop, _ in keys):
                return size
        # Then windows lie in neighbouring pages.
        return largest if len(keys) > 1 else window(keys[0][1], keys[0][2], largest).pages[0].size

    async def _ask(self, pages: dict[str, int], size: int, only: str | None) -> tuple[BucketPage, Response]:
        provider = self._source.provider
        request = provider.buckets_request(self._query, pages, size, self._pipeline, only)
        return await self._operation.ask(self._source, request, provider.buckets_page)


class StageReader:
    """One stage's rows (`resolvers.streams.page_number.base.RowReader`)."""

    def __init__(self, board: Board, key: str) -> None:
        self._board = board
        self._key = key
        self._list: StageList | None = None

    @property
    def alone(self) -> bool | None:
        return None if self._list is None else self._list.alone

    def go_on(self, bookmark: PageNumberBookmark) -> None:
        if bookmark.alone is not None:
            self._list = StageList(bookmark.alone, bookmark.total)

    async def read(self, start: int, stop: int, *, prove_end: bool = True) -> Rows[ContactRecord]:
        rows, self._list = await self._board.read(self._key, start, stop, self._list)
        return rows


def _differs(place: StageList | None, rows: Rows[ContactRecord], *, alone: bool) -> bool:
    """Whether rows that came alone or not may be of another list than a place is in."""
    return place is not None and place.alone is not alone and (rows.total is None or rows.total != place.total)


def board(operation: Operation, plan: SourcePlan, pipeline: Pipeline, *, whole: bool = False) -> Board:
    """Returns the operation's board for a query: the same one for everybody who asks the same.

    `whole`: every answer brings all stages, for who reads them one after the other.
    """
    query = ListQuery(plan.query.conditions, plan.query.search)
    key: Key[Board] = Key("board", (plan.source.name, query, pipeline, whole))
    return operation.kept(key, lambda: Board(operation, plan.source, query, pipeline, whole=whole))


def find(buckets: Sequence[Bucket], key: str) -> Bucket | None:
    """Returns the bucket of a stage by its id, or its name."""
    by_name = None
    for bucket in buckets:
        if bucket.native_id == key or bucket.key == key:
            return bucket
        if bucket.name == key:
            by_name = bucket
    return by_name


def stage_key(bucket: Bucket) -> str:
    """Returns what a stage is asked for by: its id, or its name where the source gives no id."""
    return bucket.native_id or bucket.name or bucket.key


def _merged(found: Sequence[Bucket | None]) -> Bucket | None:
    """Returns one stage's neighbouring pages as one."""
    pages = [bucket for bucket in found if bucket is not None]
    if len(pages) < 2:
        return found[0]
    return msgspec.structs.replace(
        pages[0],
        records=[record for page in pages for record in page.records],
        total=pages[-1].total,
        bad=tuple(row for page in pages for row in page.bad),
    )


def _short(bucket: Bucket | None, page: int, size: int) -> int | None:
    """Returns the page size a stage was really given, None when it is the one that was asked for."""
    if bucket is None or bucket.total is None:
        return None
    expected = max(0, min(size, bucket.total - (page - 1) * size))
    count = len(bucket.records)
    return count if 0 < count < expected else None


def _rows(bucket: Bucket | None, start: int, stop: int, first: int, responses: list[Response]) -> Rows[ContactRecord]:
    if bucket is None:
        return Rows([], 0, True, [], responses)
    total = bucket.total
    # Past the end some answer with the last page again.
    records = [] if total is not None and first >= total else bucket.records
    found = records[start - first : stop - first]
    short = len(found) < stop - start
    counted = total is None or start + len(found) >= total
    # Where rows end, the list does, whatever its total says.
    ended = short or (total is not None and counted)
    return Rows(found, total, ended, list(bucket.bad), responses, short and not counted)
