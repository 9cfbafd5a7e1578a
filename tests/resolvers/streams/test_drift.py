"""Inserts and deletes between two pages lose and repeat nothing (DESIGN.md 6)."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.apis.fakes import Switches
from providers.spi.errors import SourceErrorCode
from providers.spi.query import Condition, Operator, Order, OrderField
from resolvers.model.records import ContactConnectionRecord, SourceStatus
from tests.support.made_rows import Row, instant, made_rows
from tests.support.world import World, ids

PROVIDERS = ["tether", "askelephant", "wacr", "autokonnect"]
BY_NUMBER = ["tether", "wacr", "autokonnect"]


class Moving:
    """One source that changes while somebody walks through it."""

    def __init__(self, provider: str, seed: int, instants: int | None = None) -> None:
        self.rng = rng = random.Random(seed)
        self.provider = provider
        self.instants = instants or rng.choice([3, 40, 4_000])
        rows = made_rows(provider, rng.choice([5, 30, 60, 200]), seed, instants=self.instants)
        self.spare: list[Row] = made_rows(provider, 400, seed + 1, instants=self.instants, start=1_000)
        switches = Switches(
            ties=rng.choice(["id_asc", "id_desc", "insertion"]),
            past_end=rng.choice(["empty", "404", "last"]),
            cursors=rng.choice(["keyset", "id", "offset"]),
            default_order=rng.choice(["created_desc", "created_asc", "updated_desc", "insertion"]),
        )
        self.world = World({provider: rows}, switches={provider: switches})
        self.store = self.world.fakes[provider].store
        self.orders: tuple[Order, ...] = ()
        if provider in ("wacr", "askelephant") and rng.random() < 0.5:
            self.orders = (Order(OrderField.UPDATED_AT, rng.random() < 0.5),)
        self.deleted: set[str] = set()

    def change(self, nearest: list[str]) -> None:
        """Inserts and deletes some rows, often just those that the last cursor is found again by (never all)."""
        anchors = [native_id for native_id in nearest if self.store.get(native_id) is not None]
        for _ in range(self.rng.randint(1, 6)):
            if self.spare and self.rng.random() < 0.5:
                self.store.insert(self.spare.pop(), first=self.rng.random() < 0.5)
                continue
            others = [native_id for native_id in self.store.ids if native_id not in nearest]
            if len(anchors) > 2 and self.rng.random() < 0.6:
                chosen = anchors.pop(self.rng.randrange(len(anchors)))
            elif others:
                chosen = self.rng.choice(others)
            else:
                continue
            self.store.delete(chosen)
            self.deleted.add(f"{self.provider}:{chosen}")

    async def walk(self, size: int, *, forward: bool) -> list[str]:
        seen: list[str] = []
        cursor: str | None = None
        for _ in range(2_000):
            if forward:
                page = await self.world.connection(first=size, after=cursor, orders=self.orders)
            else:
                page = await self.world.connection(last=size, before=cursor, orders=self.orders)
            assert page.sources[0].status in (SourceStatus.OK, SourceStatus.SKIPPED), page.sources[0].warnings
            seen = seen + ids(page.nodes) if forward else ids(page.nodes) + seen
            info = page.page_info
            if not (info.has_next_page if forward else info.has_previous_page):
                return seen
            cursor = info.end_cursor if forward else info.start_cursor
            assert cursor is not None
            if self.rng.random() < 0.7:
                nearest = seen[-8:] if forward else seen[:8]
                self.change([name.partition(":")[2] for name in nearest])
        raise AssertionError("the walk never ends")


def assert_met_once_and_in_order(moving: Moving, before: list[str], seen: list[str]) -> None:
    """What stood in the list throughout the walk was met once, and in the order that it had before."""
    stayed = [name for name in before if name not in moving.deleted]
    counted = Counter(seen)
    assert [name for name in stayed if counted[name] != 1] == []
    kept = set(stayed)
    assert [name for name in seen if name in kept] == stayed


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize("provider", PROVIDERS)
@given(seed=st.integers(0, 2**32))
@settings(max_examples=12, deadline=None, derandomize=True)
async def test_what_stayed_throughout_is_met_once_and_in_order(provider: str, forward: bool, seed: int) -> None:
    moving = Moving(provider, seed)
    before = ids(await moving.world.walk([100], orders=moving.orders))
    seen = await moving.walk(moving.rng.choice([1, 3, 10, 25]), forward=forward)
    assert_met_once_and_in_order(moving, before, seen)


def _aged(provider: str, count: int) -> list[Row]:
    """Rows of a list that its provider shows in the order of their numbers."""
    rows = made_rows(provider, count, instants=1)
    key = {"tether": "createdAt"}.get(provider, "created_at")
    return [
        {**row, key: f"2026-01-01T{23 - number // 60:02d}:{59 - number % 60:02d}:00.000Z"}
        for number, row in enumerate(rows)
    ]


async def _first_page(world: World, size: int) -> ContactConnectionRecord:
    return await world.connection(first=size)


@pytest.mark.parametrize("provider", BY_NUMBER)
async def test_the_last_of_eight_anchors_is_enough(provider: str) -> None:
    world = World({provider: _aged(provider, 100)})
    page = await _first_page(world, 20)
    whole = ids(await world.walk([100]))
    store = world.fakes[provider].store
    for record in page.nodes[13:]:
        store.delete(record.native_id)
    following = await world.connection(first=20, after=page.page_info.end_cursor)
    assert ids(following.nodes) == whole[20:40]
    assert following.sources[0].status is SourceStatus.OK


@pytest.mark.parametrize("provider", BY_NUMBER)
async def test_without_any_anchor_reading_goes_on_where_nobody_is_lost_and_says_so(provider: str) -> None:
    world = World({provider: _aged(provider, 100)})
    page = await _first_page(world, 20)
    whole = ids(await world.walk([100]))
    store = world.fakes[provider].store
    for record in page.nodes[12:]:
        store.delete(record.native_id)
    following = await world.connection(first=20, after=page.page_info.end_cursor)
    assert ids(following.nodes) == whole[20:40]
    part = following.sources[0]
    assert part.status is SourceStatus.PARTIAL
    assert [warning.code for warning in part.warnings] == [SourceErrorCode.PAGE_DRIFT]


@pytest.mark.parametrize("provider", BY_NUMBER)
async def test_finding_a_moved_place_costs_two_more_calls_at_most(provider: str) -> None:
    world = World({provider: _aged(provider, 300)})
    page = await _first_page(world, 20)
    store = world.fakes[provider].store
    for row in made_rows(provider, 60, seed=9, start=5_000):
        store.insert(
            {**row, "createdAt": "2027-01-01T00:00:00.000Z", "created_at": "2027-01-01T00:00:00.000Z"}, first=True
        )
    for record in page.nodes[16:]:
        store.delete(record.native_id)
    world.forget_calls()
    following = await world.connection(first=20, after=page.page_info.end_cursor)
    assert len(set(ids(following.nodes)) & set(ids(page.nodes))) == 0
    assert following.sources[0].status is SourceStatus.OK
    assert world.calls(provider) <= 3


async def test_a_page_between_two_cursors_holds_what_came_in_between() -> None:
    world = World({"tether": _aged("tether", 60)})
    page = await _first_page(world, 40)
    row = made_rows("tether", 1, seed=5, start=9_000)[0]
    behind = world.fakes["tether"].store.get(page.nodes[20].native_id)
    assert behind is not None
    world.fakes["tether"].store.insert({**row, "createdAt": behind["createdAt"].replace(":00.000Z", ":30.000Z")})
    between = await world.connection(first=30, after=page.edges[9].cursor, before=page.edges[30].cursor)
    whole = ids(await world.walk([100]))
    assert ids(between.nodes) == whole[10:31]
    backward = await world.connection(last=30, after=page.edges[9].cursor, before=page.edges[30].cursor)
    assert ids(backward.nodes) == whole[10:31]


async def test_backward_more_records_of_one_instant_than_the_scan_limit_are_no_dead_end() -> None:
    rows = made_rows("askelephant", 100)
    for number, row in enumerate(rows):
        row["updated_at"] = instant(50 if 20 <= number < 65 else 2 * number)
    world = World({"askelephant": rows}, scan_limit=20)
    orders = (Order(OrderField.UPDATED_AT, True),)
    assert ids(await world.walk_back([7], orders=orders)) == ids(await world.walk([100], orders=orders))


@pytest.mark.parametrize("provider", ["askelephant", "wacr"])
async def test_backward_reading_for_a_filter_goes_on_from_where_it_stopped(provider: str) -> None:
    name = {"wacr": "firstname"}.get(provider, "first_name")
    rows = [
        {**row, name: "Needle" if number % 90 == 60 else "Hay", "updated_at": instant(number)}
        for number, row in enumerate(made_rows(provider, 300))
    ]
    world = World({provider: rows}, scan_limit=40)
    question: dict[str, Any] = {
        "orders": (Order(OrderField.UPDATED_AT, True),),
        "filter": Condition("firstName", Operator.EQ, "needle"),
    }
    empty = await world.connection(last=2, **question)
    assert (empty.nodes, empty.page_info.has_previous_page) == ([], True)
    assert empty.page_info.start_cursor is not None
    forward = ids(await world.walk([2], **question))
    assert len(forward) == 3
    assert ids(await world.walk_back([2], **question)) == forward


async def test_an_anchor_of_a_list_sorted_here_is_told_from_thousands_of_others() -> None:
    rows = [{**row, "first_name": f"Name {number:05}"} for number, row in enumerate(made_rows("autokonnect", 4_800))]
    orders = (Order(OrderField.FIRST_NAME),)
    for turn in range(5):
        world = World({"autokonnect": rows})
        page = await world.connection(first=12 + turn, orders=orders)
        world.fakes["autokonnect"].store.delete(page.nodes[-1].native_id)
        following = await world.connection(first=2, after=page.page_info.end_cursor, orders=orders)
        assert [record.first_name for record in following.nodes] == [f"Name {12 + turn:05}", f"Name {13 + turn:05}"]


async def test_a_list_sorted_here_begins_anew_when_all_that_was_shown_is_gone() -> None:
    rows = [{**row, "first_name": f"Name {number:05}"} for number, row in enumerate(made_rows("autokonnect", 50))]
    orders = (Order(OrderField.FIRST_NAME),)
    world = World({"autokonnect": rows})
    page = await world.connection(first=7, orders=orders)
    for record in page.nodes:
        world.fakes["autokonnect"].store.delete(record.native_id)
    following = await world.connection(first=3, after=page.page_info.end_cursor, orders=orders)
    assert [record.first_name for record in following.nodes] == ["Name 00007", "Name 00008", "Name 00009"]
    assert following.sources[0].status is SourceStatus.OK


@pytest.mark.parametrize("provider", BY_NUMBER)
async def test_a_stretch_between_two_cursors_keeps_its_ends_when_their_records_go(provider: str) -> None:
    world = World({provider: _aged(provider, 60)})
    page = await world.connection(first=50)
    whole = ids(page.nodes)
    store = world.fakes[provider].store
    gone = [page.nodes[place].native_id for place in (2, 10, 28, 29, 30)]
    for native_id in gone:
        store.delete(native_id)
    edges = page.edges
    between = {"after": edges[10].cursor, "before": edges[30].cursor}
    left = [name for name in whole[11:30] if name.partition(":")[2] not in gone]
    assert ids((await world.connection(first=40, **between)).nodes) == left
    assert ids((await world.connection(last=40, **between)).nodes) == left
    assert ids((await world.connection(first=5, **between)).nodes) == left[:5]
    assert ids((await world.connection(last=5, **between)).nodes) == left[-5:]
