"""Pages of several stages of one pipeline in one call (DESIGN.md 7, "A board")."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from aiodataloader import DataLoader

from providers.errors import SourceError
from providers.page import Bucket, BucketPage
from providers.provider import Pipeline
from providers.query import ListQuery
from providers.record import ContactRecord
from providers.request import Response
from providers.source import Source
from resolvers.operation import Operation
from resolvers.plan import SourcePlan
from resolvers.reading import page_sizes
from resolvers.rows import Rows
from resolvers.windows import window

_Key = tuple[str, int, int]


class Board(DataLoader[_Key, Any]):
    """All stages of a pipeline under one query: windows of several stages that are asked for together are one POST
    when a common page size holds them, else two side by side."""

    def __init__(self, operation: Operation, source: Source, query: ListQuery, pipeline: Pipeline) -> None:
        super().__init__()
        self._operation = operation
        self._source = source
        self._query = query
        self._pipeline = pipeline
        self._first: tuple[int, list[Bucket], Response] | None = None
        self._latest: list[Bucket] = []
        self._names: dict[str, str] = {}

    @property
    def response(self) -> Response | None:
        """The answer that `first_page` came with, None before it."""
        return self._first[2] if self._first is not None else None

    async def first_page(self, size: int) -> list[Bucket]:
        """Returns the first page of every stage; windows within it cost nothing more. Raises SourceError."""
        if self._first is None or self._first[0] < size:
            page, response = await self._ask({}, size, None)
            self._first = size, page.buckets, response
        return self._first[1]

    async def count(self, key: str, name: str) -> int | None:
        """Returns how many contacts a stage has; free beside windows asked for at the same time. Raises SourceError."""
        self._names[key] = name
        if self._first is not None:
            return _rows(self._find(self._first[1], key), 0, 0, 0, []).total
        counted: Rows[ContactRecord] = await self.load((key, 0, 0))
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

    def known(self, key: str, start: int, stop: int) -> Rows[ContactRecord] | None:
        """Returns rows that have come with the first page of every stage, None when these have not."""
        if self._first is None:
            return None
        size, buckets, response = self._first
        bucket = self._find(buckets, key)
        whole = bucket is not None and bucket.total is not None and bucket.total <= size
        if (stop > size and not whole) or _short(bucket, 1, size) is not None:
            return None
        return _rows(bucket, start, stop, 0, [response])

    async def read(self, key: str, start: int, stop: int) -> Rows[ContactRecord]:
        rows = self.known(key, start, stop)
        return rows if rows is not None else await self.load((key, start, stop))

    async def batch_load_fn(self, keys: Sequence[_Key]) -> list[Any]:
        # One POST holds one page a stage: a stage asked for twice has its second window in the next round.
        answers: dict[_Key, Rows[ContactRecord] | Exception] = {}
        # An empty window asks for the total alone, which every answer tells.
        counts = [key for key in dict.fromkeys(keys) if key[2] == 0]
        left = [key for key in dict.fromkeys(keys) if key[2] > 0]
        alone = len({key[0] for key in keys}) == 1
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
        return [answers[key] for key in keys]

    async def _counted(self, keys: list[_Key], *, windows: bool) -> dict[_Key, Rows[ContactRecord] | Exception]:
        try:
            # The answer that windows of the same batch came in, with all the stages that are counted.
            buckets = self._latest if windows else await self.first_page(1)
        except SourceError as error:
            return dict.fromkeys(keys, error)
        return {key: _rows(self._find(buckets, key[0]), 0, 0, 0, []) for key in keys}

    async def _read(self, keys: list[_Key], only: str | None) -> dict[_Key, Rows[ContactRecord]]:
        sizes = page_sizes(self._source)
        result: dict[_Key, Rows[ContactRecord]] = {}
        for _ in range(4):
            size = self._common_size(keys, sizes.largest)
            firsts = {key: start // size for key, start, _ in keys}
            rounds = [{key: page + 1 for key, page in firsts.items() if page}]
            if any((stop - 1) // size > start // size for _, start, stop in keys):
                rounds.append({key: page + 2 for key, page in firsts.items()})
            pages = await asyncio.gather(*(self._ask(pages, size, only) for pages in rounds))
            self._latest = pages[0][0].buckets
            result = {}
            smaller: int | None = None
            for key in keys:
                found = [self._find(page.buckets, key[0]) for page, _ in pages]
                for offset, bucket in enumerate(found):
                    smaller = smaller or _short(bucket, firsts[key[0]] + 1 + offset, size)
                bucket = _merged(found)
                result[key] = _rows(bucket, key[1], key[2], firsts[key[0]] * size, [response for _, response in pages])
            if smaller is None or not sizes.learn(size, smaller):
                return result
        return result

    @staticmethod
    def _common_size(keys: list[_Key], largest: int) -> int:
        longest = min(largest, max(stop - start for _, start, stop in keys))
        for size in range(longest, largest + 1):
            if all(start // size == (stop - 1) // size for _, start, stop in keys):
                return size
        # Every window then lies in two neighbouring pages.
        return largest if len(keys) > 1 else window(keys[0][1], keys[0][2], largest).pages[0].size

    async def _ask(self, pages: dict[str, int], size: int, only: str | None) -> tuple[BucketPage, Response]:
        provider = self._source.provider
        request = provider.buckets_request(self._query, pages, size, self._pipeline, only)
        return await self._operation.ask(self._source, request, provider.buckets_page)


class StageReader:
    """One stage's rows (`resolvers.streams.index.RowReader`)."""

    def __init__(self, board: Board, key: str) -> None:
        self._board = board
        self._key = key

    async def read(self, start: int, stop: int) -> Rows[ContactRecord]:
        return await self._board.read(self._key, start, stop)


def board(operation: Operation, plan: SourcePlan, pipeline: Pipeline) -> Board:
    """Returns the operation's board for a query: the same one for everybody who asks the same."""
    query = ListQuery(plan.query.conditions, plan.query.search)
    key = ("board", plan.source.name, query, pipeline)
    found = operation.memo.get(key)
    if not isinstance(found, Board):
        found = operation.memo[key] = Board(operation, plan.source, query, pipeline)
    return found


def find(buckets: Sequence[Bucket], key: str) -> Bucket | None:
    """Returns the bucket of a stage by its id, or its name."""
    by_name = None
    for bucket in buckets:
        if bucket.native_id == key or bucket.key == key:
            return bucket
        if bucket.name == key:
            by_name = bucket
    return by_name


def _merged(found: Sequence[Bucket | None]) -> Bucket | None:
    first = found[0]
    if first is None or len(found) == 1 or found[1] is None:
        return first
    return Bucket(
        first.key,
        first.native_id,
        first.name,
        first.records + found[1].records,
        found[1].total,
        first.bad + found[1].bad,
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
    records = bucket.records if total is None else bucket.records[: max(0, total - first)]
    found = records[start - first : stop - first]
    ended = start + len(found) >= total if total is not None else len(found) < stop - start
    return Rows(found, total, ended, list(bucket.bad), responses, not ended and len(found) < stop - start)
