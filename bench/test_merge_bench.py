"""Merging four lists of 100 contacts that have been read already: by rank, and by a sort key."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.answered import NAMES, ROWS, contacts, source
from providers.spi.query import Order, OrderField
from providers.spi.record import ContactRecord
from resolvers.cursors.bookmarks import Mark
from resolvers.cursors.codec import Place
from resolvers.paging.merge import Part, by_keys, by_rank
from resolvers.planning.plan import plan
from resolvers.planning.sort_keys import in_order
from resolvers.request.operation import Operation
from resolvers.streams.base import Bounds, Stream

T = TypeVar("T")
WHOLE = ROWS * len(NAMES)


class Read(Stream):
    """A list that was read to its end."""

    async def fill(self, count: int) -> None:
        """Nothing is left to read."""

    def bookmark_after(self, item: int) -> Mark:
        """Raises: merging asks for no mark."""
        raise NotImplementedError

    def bookmark_before(self, item: int) -> Mark | None:
        """Raises: merging asks for no mark."""
        raise NotImplementedError

    def base_bookmark(self) -> Mark | None:
        """Returns None: it was read from its start."""
        return None


async def read_already(wanted: Sequence[tuple[Part, int]]) -> None:
    """Fills nothing: every list is whole."""


def finished(merging: Coroutine[Any, Any, T]) -> T:
    """Returns what a coroutine returns that never waits, without an event loop's own cost."""
    try:
        merging.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("merging waited for something")


def lists(orders: tuple[Order, ...]) -> list[Read]:
    """Returns the four sources' contacts, each list in the order."""
    sources = {name: source(name) for name in NAMES}
    operation = Operation(sources)
    made = []
    for each in sources.values():
        stream = Read(
            operation, plan(each, filter=None, search=None, orders=orders, parts=frozenset()), Bounds(), forward=True
        )
        stream.items = in_order(contacts(each), orders)
        stream.ended = True
        made.append(stream)
    return made


def parts(streams: Sequence[Read]) -> list[Part]:
    """Returns the parts of a page of which nothing is taken yet."""
    return [Part(index, stream.plan, Place(), stream) for index, stream in enumerate(streams)]


def records(page: Sequence[tuple[Part, int]]) -> list[ContactRecord]:
    """Returns the contacts of a merged page."""
    return [part.stream.items[item] for part, item in page if part.stream is not None]


def test_merge_four_lists_by_rank(benchmark: BenchmarkFixture) -> None:
    streams = lists(())
    page = benchmark(lambda: finished(by_rank(parts(streams), WHOLE, read_already, forward=True)))
    assert records(page) == [stream.items[rank] for rank in range(ROWS) for stream in streams]


@pytest.mark.parametrize("field", [OrderField.UPDATED_AT, OrderField.LAST_NAME])
def test_merge_four_lists_by_key(benchmark: BenchmarkFixture, field: OrderField) -> None:
    orders = (Order(field, descending=True),)
    streams = lists(orders)
    page = benchmark(lambda: finished(by_keys(parts(streams), WHOLE, orders, read_already, forward=True)))
    assert records(page) == in_order([record for stream in streams for record in stream.items], orders)
