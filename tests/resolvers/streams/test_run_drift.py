"""Runs of equal leading keys are gone on in where they were left, whatever came or went (DESIGN.md 5 and 6)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from providers.spi.errors import SourceErrorCode
from providers.spi.query import Order, OrderField
from providers.spi.record import ContactRecord
from resolvers.cursors.bookmarks import RunBookmark
from resolvers.model.records import ContactConnectionRecord, SourceStatus
from resolvers.streams.sorted_here.run import SortedRun
from tests.resolvers.streams.test_drift import Moving, assert_met_once_and_in_order
from tests.support.made_rows import Row, instant, made_rows
from tests.support.world import World, ids

ORDERS = (Order(OrderField.UPDATED_AT, True), Order(OrderField.FIRST_NAME))
PROVIDERS = ["wacr", "askelephant"]

both = pytest.mark.parametrize("provider", PROVIDERS)


def at(hour: int, rows: list[Row]) -> list[Row]:
    return [{**row, "updated_at": instant(hour)} for row in rows]


def new(provider: str, hour: int) -> list[Row]:
    """One row that no list has yet."""
    return at(hour, made_rows(provider, 1, seed=7, start=9_000))


def three_runs(provider: str) -> World:
    """Ten contacts, then a run of 45, then ten older ones."""
    rows = made_rows(provider, 65)
    return World({provider: at(30, rows[:10]) + at(20, rows[10:55]) + at(10, rows[55:])})


async def everything(world: World) -> list[str]:
    return ids(await world.walk([100], orders=ORDERS))


def delete(world: World, records: list[ContactRecord]) -> None:
    for record in records:
        world.fakes[record.source.name].store.delete(record.native_id)


def insert(world: World, provider: str, rows: list[Row]) -> None:
    for row in rows:
        world.fakes[provider].store.insert(row)


def fine(page: ContactConnectionRecord) -> list[str]:
    """The page's ids, from a slice that has nothing to say."""
    assert page.sources[0].status is SourceStatus.OK, page.sources[0].warnings
    return ids(page.nodes)


@both
@pytest.mark.parametrize("size", [1, 12, 30])
async def test_a_contact_that_comes_in_at_the_front_repeats_nothing(provider: str, size: int) -> None:
    world = three_runs(provider)
    whole = await everything(world)
    page = await world.connection(first=size, orders=ORDERS)
    insert(world, provider, new(provider, 90))
    following = await world.connection(first=20, after=page.page_info.end_cursor, orders=ORDERS)
    assert fine(following) == whole[size : size + 20]


@both
@pytest.mark.parametrize("gone", [1, 2, 7])
async def test_contacts_that_go_from_inside_a_run_take_none_with_them(provider: str, gone: int) -> None:
    world = three_runs(provider)
    whole = await everything(world)
    page = await world.connection(first=30, orders=ORDERS)
    delete(world, page.nodes[30 - gone :])
    following = await world.connection(first=100, after=page.page_info.end_cursor, orders=ORDERS)
    assert fine(following) == whole[30:]


@both
@pytest.mark.parametrize("gone", [1, 2, 7])
async def test_contacts_that_go_from_behind_a_page_that_is_read_backward_take_none_with_them(
    provider: str, gone: int
) -> None:
    world = three_runs(provider)
    whole = await everything(world)
    page = await world.connection(last=35, orders=ORDERS)
    delete(world, page.nodes[:gone])
    insert(world, provider, new(provider, 90))
    previous = await world.connection(last=28, before=page.page_info.start_cursor, orders=ORDERS)
    assert fine(previous) == whole[2:30]


@both
async def test_a_run_that_is_gone_is_passed_over(provider: str) -> None:
    world = three_runs(provider)
    whole = await everything(world)
    page = await world.connection(first=30, orders=ORDERS)
    middle = (await world.walk([100], orders=ORDERS))[10:55]
    delete(world, middle)
    insert(world, provider, new(provider, 25))
    following = await world.connection(first=20, after=page.page_info.end_cursor, orders=ORDERS)
    assert fine(following) == whole[55:]
    previous = await world.connection(last=10, before=page.page_info.end_cursor, orders=ORDERS)
    assert fine(previous)[:-1] == whole[1:10]


@both
async def test_a_run_whose_start_has_nothing_left_in_front_of_it_is_found_by_its_keys(provider: str) -> None:
    world = three_runs(provider)
    whole = await everything(world)
    page = await world.connection(first=30, orders=ORDERS)
    delete(world, page.nodes[1:10])
    following = await world.connection(first=100, after=page.page_info.end_cursor, orders=ORDERS)
    assert fine(following) == whole[30:]
    previous = await world.connection(last=100, before=page.page_info.end_cursor, orders=ORDERS)
    assert fine(previous) == [whole[0], *whole[10:29]]


@both
async def test_without_any_anchor_a_run_goes_on_at_the_old_place_and_says_so(provider: str) -> None:
    world = three_runs(provider)
    whole = await everything(world)
    page = await world.connection(first=30, orders=ORDERS)
    delete(world, page.nodes[22:])
    following = await world.connection(first=20, after=page.page_info.end_cursor, orders=ORDERS)
    assert ids(following.nodes) == whole[38:58]
    part = following.sources[0]
    assert part.status is SourceStatus.PARTIAL
    assert [warning.code for warning in part.warnings] == [SourceErrorCode.PAGE_DRIFT]


@both
async def test_when_all_that_was_met_of_a_run_is_gone_the_rest_of_it_follows(provider: str) -> None:
    world = three_runs(provider)
    whole = await everything(world)
    page = await world.connection(first=15, orders=ORDERS)
    delete(world, page.nodes[10:])
    following = await world.connection(first=20, after=page.page_info.end_cursor, orders=ORDERS)
    assert fine(following) == whole[15:35]


@both
async def test_a_contact_whose_name_changed_is_no_anchor(provider: str) -> None:
    world = three_runs(provider)
    whole = await everything(world)
    page = await world.connection(first=30, orders=ORDERS)
    store = world.fakes[provider].store
    row = store.get(page.nodes[29].native_id)
    assert row is not None
    store.delete(page.nodes[29].native_id)
    store.insert({**row, "first_name" if "first_name" in row else "firstname": "\U0010ffff"})
    following = await world.connection(first=100, after=page.page_info.end_cursor, orders=ORDERS)
    assert [name for name in fine(following) if name != whole[29]] == whole[30:]


@both
@pytest.mark.parametrize("arguments", [{"first": 60}, {"last": 60}])
@pytest.mark.parametrize(("begin", "end"), [(12, 40), (3, 40), (12, 60), (3, 60), (3, 8)])
async def test_a_stretch_between_two_cursors_stays_the_same_when_its_ends_go(
    provider: str, arguments: dict[str, Any], begin: int, end: int
) -> None:
    world = three_runs(provider)
    whole = await everything(world)
    page = await world.connection(first=65, orders=ORDERS)
    # The contact of either cursor goes, and one comes in outside.
    delete(world, [page.nodes[begin], page.nodes[end]])
    insert(world, provider, new(provider, 90))
    between = await world.connection(
        after=page.edges[begin].cursor, before=page.edges[end].cursor, orders=ORDERS, **arguments
    )
    assert fine(between) == whole[begin + 1 : end]


@both
@pytest.mark.parametrize("arguments", [{"first": 60}, {"last": 60}])
async def test_a_stretch_whose_last_run_is_gone_ends_in_front_of_the_next(
    provider: str, arguments: dict[str, Any]
) -> None:
    world = three_runs(provider)
    whole = await everything(world)
    page = await world.connection(first=65, orders=ORDERS)
    delete(world, page.nodes[10:55])
    end = await world.connection(before=page.edges[30].cursor, orders=ORDERS, **arguments)
    assert fine(end) == whole[:10]
    begin = await world.connection(after=page.edges[30].cursor, orders=ORDERS, **arguments)
    assert fine(begin) == whole[55:]


@pytest.mark.parametrize("gone", [False, True])
async def test_runs_of_equal_names_are_known_by_a_hash(gone: bool) -> None:
    rows = [row for row in made_rows("wacr", 80) if row["firstname"]]
    world = World({"wacr": rows}, text_collation="casefold")
    provider = world.sources["wacr"].provider
    by_name = tuple(row for row in provider.capabilities.orders if row.field is OrderField.FIRST_NAME)
    provider.capabilities = structs.replace(provider.capabilities, orders=by_name)
    orders = (ORDERS[1], ORDERS[0])
    records = await world.walk([100], orders=orders)
    # The page ends inside the second run, and a run comes in between the first and the second.
    names = [str(record.first_name).casefold() for record in records]
    begin = next(index for index, name in enumerate(names) if name != names[0])
    run = [record for record, name in zip(records, names, strict=True) if name == names[begin]]
    page = await world.connection(first=begin + 2, orders=orders)
    delete(world, run if gone else run[1:2])
    if not gone:
        insert(world, "wacr", [{**new("wacr", 1)[0], "firstname": str(records[0].first_name) + "a"}])
    following = await world.connection(first=100, after=page.page_info.end_cursor, orders=orders)
    assert fine(following) == ids(records[begin + (len(run) if gone else 2) :])


async def test_of_anchors_with_equal_hashes_the_one_nearest_to_the_old_place_counts() -> None:
    (record,) = await World({"wacr": made_rows("wacr", 1)}).walk([100])
    run = SortedRun(None, (0,), [record] * 9, ORDERS)
    check = run.bookmark(1).check
    assert run.place(RunBookmark(None, "nobody", 6, 0, (1, check), (0,))) == (4, False)


@pytest.mark.parametrize("forward", [True, False])
@both
@given(seed=st.integers(0, 2**32), instants=st.sampled_from([1, 3, 40]))
@settings(max_examples=25, deadline=None, derandomize=True)
async def test_what_stayed_throughout_is_met_once_and_in_order(
    provider: str, forward: bool, seed: int, instants: int
) -> None:
    moving = Moving(provider, seed, instants)
    moving.orders = (Order(OrderField.UPDATED_AT, moving.rng.random() < 0.5), ORDERS[1])
    before = ids(await moving.world.walk([100], orders=moving.orders))
    seen = await moving.walk(moving.rng.choice([1, 3, 10, 25]), forward=forward)
    assert_met_once_and_in_order(moving, before, seen)
