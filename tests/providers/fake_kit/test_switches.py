"""What the API pages leave open makes no difference (DESIGN.md 6, "Windows"; traps 3, 5 and 12)."""

from __future__ import annotations

import pytest

from providers.apis.fakes import Switches
from providers.spi.errors import SourceErrorCode
from providers.spi.query import Order, OrderField
from resolvers.model.records import SourceStatus
from tests.support.made_rows import made_rows
from tests.support.world import World, ids

BY_NUMBER = ["tether", "wacr", "autokonnect"]


@pytest.mark.parametrize("past_end", ["empty", "404", "last"])
@pytest.mark.parametrize("provider", BY_NUMBER)
async def test_a_page_past_the_end_is_empty(provider: str, past_end: str) -> None:
    world = World({provider: made_rows(provider, 40)}, switches={provider: Switches(past_end=past_end)})  # type: ignore[arg-type]
    page = await world.connection(first=40)
    for native_id in world.fakes[provider].store.ids[5:]:
        world.fakes[provider].store.delete(native_id)
    following = await world.page(first=10, after=page.edges[30].cursor)
    assert set(ids(following.connection.nodes)) <= set(ids(page.nodes))
    assert not following.connection.page_info.has_next_page


@pytest.mark.parametrize("total_pages", ["actual", "requested", "absent"])
@pytest.mark.parametrize("reported_size", ["actual", "requested"])
@pytest.mark.parametrize("provider", BY_NUMBER)
async def test_a_silently_smaller_page_is_noticed_once_and_remembered(
    provider: str, reported_size: str, total_pages: str
) -> None:
    switches = Switches(max_page_size=20, reported_size=reported_size, total_pages=total_pages)  # type: ignore[arg-type]
    world = World({provider: made_rows(provider, 150)}, switches={provider: switches})
    plain = World({provider: made_rows(provider, 150)})
    page = await world.connection(first=35)
    assert ids(page.nodes) == ids((await plain.connection(first=35)).nodes)
    world.forget_calls()
    following = await world.connection(first=9, after=page.page_info.end_cursor)
    assert world.calls(provider) == 1
    assert ids(following.nodes) == ids((await plain.connection(first=44)).nodes)[35:]


@pytest.mark.parametrize("provider", ["tether", "autokonnect"])
async def test_a_source_that_refuses_large_pages_is_asked_for_smaller_ones(provider: str) -> None:
    switches = Switches(max_page_size=30, oversize="error")
    world = World({provider: made_rows(provider, 120)}, switches={provider: switches})
    plain = World({provider: made_rows(provider, 120)})
    assert ids(await world.walk([50])) == ids(await plain.walk([100]))


async def test_a_list_without_totals_pages_to_its_end() -> None:
    for most in (None, 20):
        world = World(
            {"tether": made_rows("tether", 70)},
            switches={"tether": Switches(tether_total="absent", max_page_size=most)},
        )
        plain = ids(await World({"tether": made_rows("tether", 70)}).walk([100]))
        assert ids(await world.walk([25])) == plain
        assert ids(await world.walk_back([25])) == plain


@pytest.mark.parametrize("orders", [(), (Order(OrderField.UPDATED_AT),), (Order(OrderField.UPDATED_AT, True),)])
@pytest.mark.parametrize("cursors", ["keyset", "id", "offset"])
@pytest.mark.parametrize("ties", ["id_asc", "id_desc", "insertion"])
async def test_every_kind_of_cursor_and_of_ties_gives_one_list(
    ties: str, cursors: str, orders: tuple[Order, ...]
) -> None:
    switches = Switches(ties=ties, cursors=cursors)  # type: ignore[arg-type]
    world = World({"askelephant": made_rows("askelephant", 70, instants=5)}, switches={"askelephant": switches})
    one = ids(await world.walk([100], orders=orders))
    assert len(set(one)) == 70
    assert ids(await world.walk([9], orders=orders)) == one
    assert ids(await world.walk_back([9], orders=orders)) == one


@pytest.mark.parametrize("status", [400, 422])
async def test_an_expired_cursor_is_replaced_by_the_time_of_its_record(status: int) -> None:
    switches = Switches(cursor_lifetime=1, validation_status=status)  # type: ignore[arg-type]
    rows = made_rows("askelephant", 80)
    world = World({"askelephant": rows}, switches={"askelephant": switches})
    assert ids(await world.walk([7, 30])) == ids(await World({"askelephant": rows}).walk([100]))


async def test_a_list_that_begins_in_the_cache_is_read_anew_when_its_cursor_has_expired() -> None:
    rows = made_rows("askelephant", 150)
    world = World({"askelephant": rows}, switches={"askelephant": Switches(cursor_lifetime=1)}, cached=True)
    await world.connection(first=100)
    for size in range(1, 6):
        await world.connection(first=size)
    before = world.calls("askelephant")
    page = await world.connection(first=100, orders=(Order(OrderField.FIRST_NAME),))
    assert len(page.nodes) == 100
    asked = world.fakes["askelephant"].calls[before:]
    assert ["cursor" in dict(call.parameters) for call in asked] == [True, False, True]


async def test_limit_order_and_filters_go_with_every_cursor() -> None:
    world = World({"askelephant": made_rows("askelephant", 80)})
    await world.walk([20], orders=(Order(OrderField.UPDATED_AT),), search="a")
    sent = [dict(call.parameters) for call in world.fakes["askelephant"].calls]
    assert sum("cursor" in parameters for parameters in sent) >= 2
    for parameters in sent:
        assert parameters["order_by"] == "updated_at:asc"
        assert parameters["search"] == "a"
        assert parameters["limit"] == sent[0]["limit"]


@pytest.mark.parametrize("under", ["data", "dataByStatus"])
@pytest.mark.parametrize("keyed_by", ["name", "id"])
@pytest.mark.parametrize("names", ["full", "partial", "absent"])
async def test_tethers_search_pages_over_the_stages_both_ways(under: str, keyed_by: str, names: str) -> None:
    switches = Switches(buckets_under=under, buckets_keyed_by=keyed_by, stage_id_by_name=names)  # type: ignore[arg-type]
    world = World({"tether": 300}, switches={"tether": switches})

    async def walk(size: int, *, forward: bool) -> list[str]:
        found: list[str] = []
        cursor: str | None = None
        while True:
            if forward:
                page = await world.connection(first=size, after=cursor, search="an")
            else:
                page = await world.connection(last=size, before=cursor, search="an")
            found = found + ids(page.nodes) if forward else ids(page.nodes) + found
            part = page.sources[0]
            assert part.status is SourceStatus.PARTIAL
            assert [warning.code for warning in part.warnings] == [SourceErrorCode.SEARCH_INCOMPLETE]
            info = page.page_info
            if not (info.has_next_page if forward else info.has_previous_page):
                return found
            cursor = info.end_cursor if forward else info.start_cursor

    one = await walk(100, forward=True)
    assert len(one) == len(set(one)) > 40
    assert await walk(7, forward=True) == one
    assert await walk(13, forward=False) == one
