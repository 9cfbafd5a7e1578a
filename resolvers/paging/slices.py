"""Totals and slices: how many there are, and how each source fared (DESIGN.md 6, "Totals", and 8)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from providers.decoding.rows import LARGEST_COUNT
from providers.spi.budget import BudgetExceeded
from providers.spi.errors import SourceError
from resolvers.cursors.codec import Place
from resolvers.model.records import ErrorRecord, SliceRecord, SourceStatus
from resolvers.paging.merge import Part
from resolvers.paging.stream_factory import StreamFactory


async def fill(part: Part, count: int) -> None:
    """Reads until the part has `count` records; its failure is noted in it, and that the operation's budget
    ended."""
    assert part.stream is not None
    try:
        await part.stream.fill(count)
    except SourceError as error:
        part.error = error
    except BudgetExceeded as error:
        part.stream.stop_at_budget(error)
        part.over = error


class Counts:
    """The totals of a page's parts."""

    def __init__(self, parts: Sequence[Part], factories: Sequence[StreamFactory]) -> None:
        self._parts = parts
        self._factories = factories
        self._counted: dict[int, int | None] = {}

    @property
    def total(self) -> int | None:
        """All parts' totals together, None when one is not known."""
        totals = [self._counted.get(part.index) for part in self._parts]
        known = [value for value in totals if value is not None]
        total = sum(known) if len(known) == len(totals) else None
        # More than GraphQL's Int holds would cost the client the whole field.
        return None if total is not None and total > LARGEST_COUNT else total

    async def count(self) -> None:
        """Finds every part's total; asks for one record where no page has told it (DESIGN.md 7)."""
        await asyncio.gather(*(self._count_one(part) for part in self._parts))

    async def _count_one(self, part: Part) -> None:
        plan = part.plan
        if plan.never:
            self._counted[part.index] = 0
        elif part.error is not None:
            self._counted[part.index] = None
        elif part.stream is not None and part.stream.count is not None:
            self._counted[part.index] = part.stream.count
        elif (
            plan.residual is not None
            or plan.buckets
            or not plan.source.provider.capabilities.total
            or (part.stream is not None and part.stream.scanned)
        ):
            self._counted[part.index] = None
        else:
            counting = Part(part.index, plan, Place(), self._factories[part.index].count())
            await fill(counting, 1)
            part.error = counting.error
            if counting.stream is not None and counting.error is None:
                self._counted[part.index] = counting.stream.count
                part.counted = counting.stream

    def slices(self) -> list[SliceRecord]:
        """Returns every source's part of the connection, in configuration order."""
        return [self._slice(part) for part in self._parts]

    def _slice(self, part: Part) -> SliceRecord:
        source, stream = part.plan.source.record, part.stream
        total = self._counted.get(part.index)
        if part.error is not None:
            warnings = list(stream.warnings.values()) if stream is not None else []
            return SliceRecord(source, SourceStatus.FAILED, None, ErrorRecord.of(part.error), warnings)
        if (stream := stream or part.counted) is None:
            return SliceRecord(source, SourceStatus.SKIPPED, total)
        warnings = list(stream.warnings.values())
        status = SourceStatus.PARTIAL if warnings else SourceStatus.OK
        return SliceRecord(source, status, total, None, warnings, stream.stale, stream.fetched)
