"""Putting several streams into one order: by rank, or by sort keys (DESIGN.md 5)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from providers.spi.budget import BudgetExceeded
from providers.spi.errors import SourceError, SourceErrorCode
from providers.spi.query import Order
from resolvers.cursors.codec import Place
from resolvers.planning.plan import SourcePlan
from resolvers.planning.sort_keys import Key, compare, key
from resolvers.reading.progress import no_progress
from resolvers.streams.base import Stream


class Part(msgspec.Struct, eq=False):
    """One source's part of a page while it is made.

    `index` is its place among the sources. `rank` counts what it emitted before this page (backward: up to the
    page's end). `taken` of the stream's items are on the page. A part without a stream is not asked.
    """

    index: int
    plan: SourcePlan
    place: Place
    stream: Stream | None = None
    rank: int = 0
    taken: int = 0
    error: SourceError | None = None
    # Why it was read no further although it did not end: the operation may use no more.
    over: BudgetExceeded | None = None
    # Read backward from the list's end, whose rank is known when the list's length is.
    from_end: bool = False
    # What was asked only for the total, when nothing else was.
    counted: Stream | None = None

    @property
    def live(self) -> bool:
        return self.stream is not None and self.error is None


Fill = Callable[[Sequence[tuple[Part, int]]], Awaitable[None]]


def share(size: int, live: int) -> int:
    """Returns how many records each of `live` sources is asked for at first."""
    return -(-size // live) if live else 0


async def by_rank(parts: Sequence[Part], size: int, fill: Fill, *, forward: bool) -> list[tuple[Part, int]]:
    """Returns the page's items in reading order: the smallest (rank, configuration order) first."""
    live = [part for part in parts if part.live]
    await fill([(part, max(_due(live, part, size, forward), _least(part, size, len(live), forward))) for part in live])
    while True:
        live = [part for part in parts if part.live]
        way = 1 if forward else -1
        entries: list[tuple[int, int, int]] = []
        bounds: list[tuple[tuple[int, int, int], Part]] = []
        for part in live:
            stream = part.stream
            assert stream is not None
            start, order, count = way * part.rank + (0 if forward else 1), way * part.index, len(stream.items)
            entries += [(start + item, order, item) for item in range(min(count, size))]
            if not stream.ended and count < size:
                bounds.append(((start + count, order, 0), part))
        entries.sort()
        by_order = {way * part.index: part for part in live}
        if bounds:
            bound, waiting = min(bounds, key=lambda pair: pair[0])
            certain = sum(1 for entry in entries if entry < bound)
            if certain < size:
                stream = waiting.stream
                assert stream is not None
                if not stream.stopped:
                    # One round for all that ran short, for what is still missing.
                    short = [part for _, part in bounds if part.stream is not None and not part.stream.stopped]
                    missing = share(size - certain, len(short))
                    had = [_read(part) for part in short]
                    await fill([(part, count + missing) for part, count in zip(short, had, strict=True)])
                    _end_stuck([part for part, count in zip(short, had, strict=True) if _read(part) <= count])
                    continue
                entries = entries[:certain]
        page = [(by_order[order], item) for _, order, item in entries[:size]]
        for part, _ in page:
            part.taken += 1
        return page


def _least(part: Part, size: int, live: int, forward: bool) -> int:
    """Returns how many records a part is asked for however few fall to it."""
    if forward:
        return share(size, live)
    # A place that no record of the part stands in front of has nothing that it could be found again by.
    return 1 if part.from_end or part.place.excludes_bookmark_record else 0


def _due(live: Sequence[Part], wanted: Part, size: int, forward: bool) -> int:
    """Returns how many of the next `size` places fall to a part, whose rank may be behind or ahead of the others'."""
    if forward and all(part.rank - wanted.rank <= 1 for part in live):
        return 0
    ranks = {part.index: part.rank for part in live}
    due = 0
    for _ in range(size):
        # Backward the largest (rank, configuration order) comes next.
        index = (min if forward else max)(ranks, key=lambda at: (ranks[at], at))
        ranks[index] += 1 if forward else -1
        due += index == wanted.index
    return due


async def by_keys(
    parts: Sequence[Part], size: int, orders: tuple[Order, ...], fill: Fill, *, forward: bool
) -> list[tuple[Part, int]]:
    """Returns the page's items in reading order, merged by the sort keys; ties keep the configured order.

    A stream that breaks its order is noticed (SORT_INEXACT) and merged on its running extreme.
    """
    await fill([(part, size) for part in parts if part.live])
    heads: dict[int, Key] = {}
    extremes: dict[int, Key] = {}
    page: list[tuple[Part, int]] = []
    while len(page) < size:
        short: list[Part] = []
        for part in parts:
            stream = part.stream
            if stream is None or part.error is not None or part.index in heads:
                continue
            if part.taken < len(stream.items):
                heads[part.index] = _head(part, stream, orders, forward, extremes)
            elif stream.stopped:
                return page
            elif not stream.ended:
                short.append(part)
        if short:
            await fill([(part, part.taken + size - len(page)) for part in short])
            _end_stuck([part for part in short if _read(part) <= part.taken])
            continue
        best = _next(parts, heads, orders, forward)
        if best is None:
            return page
        page.append((best, best.taken))
        best.taken += 1
        del heads[best.index]
    return page


def _read(part: Part) -> int:
    return 0 if part.stream is None else len(part.stream.items)


def _end_stuck(parts: Sequence[Part]) -> None:
    """Lets those fail whose streams gave nothing, and neither ended nor stopped: asking again would go on for ever."""
    for part in parts:
        stream = part.stream
        if stream is not None and part.error is None and not stream.ended and not stream.stopped:
            part.error = no_progress(part.plan.source.name)


def _next(parts: Sequence[Part], heads: dict[int, Key], orders: tuple[Order, ...], forward: bool) -> Part | None:
    """Returns the part whose head comes next in reading order; of equal ones the first, backward the last."""
    best: Part | None = None
    for part in parts:
        if part.index not in heads:
            continue
        order = -1 if best is None else compare(heads[part.index], heads[best.index], orders)
        if best is None or (order < 0 if forward else order >= 0):
            best = part
    return best


def _head(part: Part, stream: Stream, orders: tuple[Order, ...], forward: bool, extremes: dict[int, Key]) -> Key:
    head = key(stream.items[part.taken], orders)
    extreme = extremes.get(part.index)
    if extreme is None and stream.edge is not None:
        # The order goes on across the pages: what was given last is read again with this one.
        extreme = key(stream.edge, orders)
    if extreme is not None:
        order = compare(head, extreme, orders)
        if order < 0 if forward else order > 0:
            stream.warn(SourceErrorCode.SORT_INEXACT, "did not keep the order it was asked for")
            return extreme
    extremes[part.index] = head
    return head
