"""Paging in any sizes, forwards or backwards, equals one list (DESIGN.md 5 and 6)."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.apis.fakes import Switches
from providers.spi.query import Condition, Filter, Operator, Order, OrderField
from providers.spi.record import ContactRecord
from resolvers.model.records import ContactConnectionRecord, SourceStatus
from resolvers.planning.predicate import fold
from tests.support.lists import one_list
from tests.support.made_rows import made_rows
from tests.support.world import World, ids

ROWS = {"tether": 37, "askelephant": 41, "wacr": 29, "autokonnect": 23}
TOTAL = sum(ROWS.values())
PROVIDERS = list(ROWS)


@pytest.mark.parametrize("size", [1, 7, 25, 100])
async def test_walking_in_rank_order_gives_every_contact_once_and_in_one_order(size: int) -> None:
    world = World(ROWS)
    one = await one_list(world)
    assert len(set(one)) == len(one) == TOTAL
    assert ids(await world.walk([size])) == one


@pytest.mark.parametrize("size", [1, 7, 25, 100])
async def test_walking_backward_in_rank_order_gives_the_same_list(size: int) -> None:
    world = World(ROWS)
    assert ids(await world.walk_back([size])) == await one_list(world)


@pytest.mark.parametrize("field", list(OrderField))
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("size", [4, 25, 100])
async def test_walking_in_an_order_gives_one_list_both_ways(field: OrderField, descending: bool, size: int) -> None:
    world = World(ROWS)
    orders = (Order(field, descending),)
    one = await one_list(world, orders)
    assert len(set(one)) == len(one) == TOTAL
    assert ids(await world.walk([size], orders=orders)) == one
    assert ids(await world.walk_back([size], orders=orders)) == one


def _contains_an(record: ContactRecord) -> bool:
    return record.first_name is not None and "an" in fold(record.first_name)


def _switches(rng: random.Random) -> Switches:
    return Switches(
        ties=rng.choice(["id_asc", "id_desc", "insertion"]),
        past_end=rng.choice(["empty", "404", "last"]),
        max_page_size=rng.choice([None, None, None, 7, 20, 50]),
        reported_size=rng.choice(["actual", "requested"]),
        total_pages=rng.choice(["actual", "requested", "absent"]),
        cursors=rng.choice(["keyset", "id", "offset"]),
        cursor_lifetime=rng.choice([None, None, 1]),
        default_order=rng.choice(["created_desc", "created_asc", "updated_desc", "insertion"]),
        unstable_ties=rng.choice([False, True]),
        tether_envelope=rng.choice(["both", "data.contacts", "data", "contacts"]),
        tether_total=rng.choice(["both", "data", "top"]),
        validation_status=rng.choice([400, 422]),
        collation=rng.choice(["casefold", "binary"]),
        missing_order=rng.choice(["smallest", "largest"]),
    )


class Walk:
    """A world drawn from a seed, the list it must show, and the cursors met so far by their index in that list."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = random.Random(seed)
        self.providers = {f"s{number}": rng.choice(PROVIDERS) for number in range(rng.randint(1, 5))}
        instants = rng.choice([1, 2, 6, 40, 400])
        self.rows = {
            name: made_rows(provider, rng.choice([0, 1, 2, 7, 30, 60, 130]), rng.randrange(1_000), instants=instants)
            for name, provider in self.providers.items()
        }
        self.switches = {name: _switches(rng) for name in self.providers}
        self.arguments: dict[str, Any] = {"orders": self._orders()}
        condition: Filter = Condition("firstName", Operator.CONTAINS, "an")
        self.filtered = rng.random() < 0.3
        if self.filtered:
            self.arguments["filter"] = condition
        self.cursors: dict[int, str] = {}
        self.list: list[str] = []

    def _orders(self) -> tuple[Order, ...]:
        fields = self.rng.sample(list(OrderField), self.rng.choice([0, 0, 1, 1, 2, 3]))
        return tuple(Order(field, self.rng.random() < 0.5) for field in fields)

    def world(self) -> World:
        """Returns a worker of its own over the same data: a cursor outlives the one it was made by."""
        return World(self.rows, providers=self.providers, switches=self.switches)

    async def begin(self) -> None:
        # The list is made from servers that hold nothing back.
        plain = {
            name: Switches(
                ties=switches.ties,
                default_order=switches.default_order,
                missing_order=switches.missing_order,
                cursors=switches.cursors,
            )
            for name, switches in self.switches.items()
        }
        world = World(self.rows, providers=self.providers, switches=plain)
        holds = _contains_an if self.filtered else lambda record: True
        self.list = await one_list(world, self.arguments["orders"], holds=holds)

    async def ask(self, world: World, **page: Any) -> ContactConnectionRecord:
        connection = await world.connection(**page, **self.arguments)
        for part in connection.sources:
            assert part.status in (SourceStatus.OK, SourceStatus.SKIPPED), (part.source.name, part.warnings)
        return connection

    async def step(self, world: World) -> None:
        """Asks for a page from or up to any edge met before, and compares it with the list."""
        rng, size = self.rng, self.rng.choice([1, 2, 3, 7, 25, 60, 100])
        length = len(self.list)
        known = sorted(self.cursors)
        forward = rng.random() < 0.5
        after = rng.choice(known) if known and rng.random() < 0.7 else None
        before = rng.choice(known) if known and rng.random() < 0.5 else None
        if after is not None and before is not None and after > before:
            after, before = before, after
        low, high = 0 if after is None else after + 1, length if before is None else before
        start, stop = (low, min(high, low + size)) if forward else (max(low, high - size), high)
        connection = await self.ask(
            world,
            first=size if forward else None,
            last=None if forward else size,
            after=None if after is None else self.cursors[after],
            before=None if before is None else self.cursors[before],
        )
        step = (size, forward, after, before)
        assert ids(connection.nodes) == self.list[start : max(start, stop)], step
        info = connection.page_info
        if forward and before is None:
            assert info.has_next_page is (stop < length) or (self.filtered and info.has_next_page), step
        if not forward and after is None:
            assert info.has_previous_page is (start > 0) or (self.filtered and info.has_previous_page), step
        self.cursors |= {start + offset: edge.cursor for offset, edge in enumerate(connection.edges)}


@given(st.integers(0, 2**32))
@settings(max_examples=80, deadline=None, derandomize=True)
async def test_any_page_from_any_edge_is_a_piece_of_one_list(seed: int) -> None:
    walk = Walk(seed)
    await walk.begin()
    world = walk.world()
    for turn in range(12):
        if turn % 4 == 3:
            world = walk.world()
        await walk.step(world)


@given(st.integers(0, 2**32))
@settings(max_examples=15, deadline=None, derandomize=True)
async def test_whole_walks_in_mixed_sizes_give_one_list_both_ways(seed: int) -> None:
    walk = Walk(seed)
    await walk.begin()
    sizes = [walk.rng.choice([3, 10, 40, 100]) for _ in range(5)]
    world = walk.world()
    assert ids(await world.walk(sizes, **walk.arguments)) == walk.list
    assert ids(await world.walk_back(sizes, **walk.arguments)) == walk.list


async def test_a_subset_of_sources_and_a_search_page_like_one_list() -> None:
    world = World({name: made_rows(name, 80) for name in PROVIDERS})
    names = ("askelephant", "autokonnect", "wacr")
    one = await one_list(world, sources=names, search="ana")
    assert 10 < len(one) < 200
    for sizes in ([3], [20, 1], [100]):
        assert ids(await world.walk(sizes, sources=names, search="ana")) == one
        assert ids(await world.walk_back(sizes, sources=names, search="ana")) == one


async def test_nothing_stands_between_two_equal_cursors() -> None:
    world = World(ROWS)
    page = await world.connection(first=10)
    cursor = page.edges[4].cursor
    assert (await world.connection(first=5, after=cursor, before=cursor)).nodes == []
    assert (await world.connection(last=5, after=cursor, before=cursor)).nodes == []
