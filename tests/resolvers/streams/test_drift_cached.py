"""Behind a cache, too, inserts and deletes between two pages lose and repeat nothing (DESIGN.md 6)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.apis.fakes import Switches
from providers.spi.query import Order, OrderField
from tests.resolvers.streams.test_drift import PROVIDERS, Moving, assert_met_once_and_in_order
from tests.support.made_rows import instant, made_rows
from tests.support.world import World, ids


def cached(moving: Moving) -> World:
    """The moving source behind a cache that never expires while it is walked through."""
    world = World({moving.provider: []}, cached=True)
    world.fakes[moving.provider].store = moving.store
    world.fakes[moving.provider].switches = moving.world.fakes[moving.provider].switches
    return world


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize("provider", PROVIDERS)
@given(seed=st.integers(0, 2**32))
@settings(max_examples=15, deadline=None, derandomize=True)
async def test_what_stayed_throughout_is_met_once_and_in_order(provider: str, forward: bool, seed: int) -> None:
    moving = Moving(provider, seed)
    before = ids(await moving.world.walk([100], orders=moving.orders))
    moving.world = cached(moving)
    seen = await moving.walk(moving.rng.choice([1, 3, 10, 25]), forward=forward)
    assert_met_once_and_in_order(moving, before, seen)


async def test_the_page_before_is_looked_at_again_past_the_cache() -> None:
    rows = [{**row, "updated_at": instant(500 - number)} for number, row in enumerate(made_rows("askelephant", 40))]
    world = World({"askelephant": rows}, switches={"askelephant": Switches(cursors="offset")}, cached=True)
    page = await world.connection(first=10)
    world.fakes["askelephant"].store.delete(rows[3]["id"])
    following = await world.connection(first=3, after=page.page_info.end_cursor)
    assert [record.native_id for record in following.nodes] == [row["id"] for row in rows[10:13]]


async def test_both_pages_of_a_window_are_of_one_time() -> None:
    rows = [{**row, "created_at": instant(500 - number)} for number, row in enumerate(made_rows("autokonnect", 120))]
    switches = Switches(max_page_size=30, default_order="created_desc")
    world = World({"autokonnect": rows}, switches={"autokonnect": switches}, cached=True)
    got: list[str] = []
    after: str | None = None
    while True:
        page = await world.connection(first=20, after=after)
        got += [record.native_id for record in page.nodes]
        if not page.page_info.has_next_page:
            break
        after = page.page_info.end_cursor
        world.fakes["autokonnect"].store.delete(got[-2])
    assert got == [row["id"] for row in rows]


async def test_equal_later_pages_are_still_answered_by_the_cache() -> None:
    # With a latency two calls that go out side by side are under way at the same time.
    switches = {name: Switches(latency=0.005) for name in PROVIDERS}
    world = World({name: made_rows(name, 90) for name in PROVIDERS}, switches=switches, cached=True)
    page = await world.connection(first=20)
    first = await world.connection(first=20, after=page.page_info.end_cursor)
    world.forget_calls()
    assert ids((await world.connection(first=20, after=page.page_info.end_cursor)).nodes) == ids(first.nodes)
    assert {name: world.calls(name) for name in PROVIDERS} == dict.fromkeys(PROVIDERS, 0)


@pytest.mark.parametrize("forward", [True, False])
async def test_a_place_that_a_cached_page_leads_to_is_found_when_that_pages_cursor_has_expired(forward: bool) -> None:
    # Many of one instant, so that a place among them is found through several pages.
    rows = [{**row, "updated_at": instant(number // 60)} for number, row in enumerate(made_rows("askelephant", 120))]
    switches = Switches(cursor_lifetime=30)
    world = World({"askelephant": rows}, switches={"askelephant": switches}, cached=True)
    order = (Order(OrderField.UPDATED_AT, True),)
    whole = ids(await World({"askelephant": rows}).walk([100], orders=order))
    # Read backward, a cursor knows no page: its place is found by its time.
    last = await world.connection(last=100, orders=order)
    places = {name: edge.cursor for name, edge in zip(ids(last.nodes), last.edges, strict=True)}
    for place in (62, 75):
        if forward:
            page = await world.connection(first=1, after=places[whole[place]], orders=order)
            assert ids(page.nodes) == whole[place + 1 : place + 2]
        else:
            page = await world.connection(last=1, before=places[whole[119 - place + 60]], orders=order)
            assert ids(page.nodes) == whole[119 - place + 59 : 119 - place + 60]
        for other in range(1, 40):
            await world.connection(first=other, orders=order)
