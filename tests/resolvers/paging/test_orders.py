"""Merged orders: equal to sorting everything, honest where that cannot be had (DESIGN.md 5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.apis.fakes import Switches
from providers.spi.errors import SourceErrorCode
from providers.spi.query import Order, OrderField
from resolvers.model.records import SourceStatus
from resolvers.planning.sort_keys import in_order
from tests.support.lists import one_list, sorted_by, source_list
from tests.support.made_rows import instant, made_rows
from tests.support.world import World, ids

NAMES = ["tether", "askelephant", "wacr", "autokonnect"]
orders_drawn = st.lists(
    st.builds(Order, st.sampled_from(list(OrderField)), st.booleans()),
    min_size=1,
    max_size=4,
    unique_by=lambda order: order.field,
).map(tuple)


def without(provider: str, row: dict[str, Any], number: int) -> dict[str, Any]:
    """A row of a source that is sorted here, which now and then lacks a date."""
    names = {"tether": ("createdAt", "updatedAt"), "autokonnect": ("created_at", "updated_at")}.get(provider, ())
    return {**row, **{name: None for turn, name in enumerate(names) if (number + turn) % 5 == 0}}


def world(count: int = 60, **arguments: Any) -> World:
    rows = {
        name: [without(name, row, number) for number, row in enumerate(made_rows(name, count, instants=4))]
        for name in NAMES
    }
    return World(rows, **arguments)


@given(orders=orders_drawn)
@settings(max_examples=20, deadline=None, derandomize=True)
async def test_merging_equals_sorting_everything(orders: tuple[Order, ...]) -> None:
    made = world()
    one = await one_list(made, orders)
    assert len(set(one)) == len(one) == 240
    assert ids(await made.walk([100, 7], orders=orders)) == one
    assert ids(await made.walk_back([100, 11], orders=orders)) == one


@given(orders=orders_drawn)
@settings(max_examples=20, deadline=None, derandomize=True)
async def test_sorting_keeps_equal_contacts_as_they_stood_and_missing_ones_last(orders: tuple[Order, ...]) -> None:
    made = world(30)
    records = [record for name in NAMES for record in await source_list(made, name)]
    assert ids(in_order(records, orders)) == ids(sorted_by(records, orders))


@pytest.mark.parametrize("descending", [False, True])
async def test_missing_values_come_last_in_both_directions(descending: bool) -> None:
    for field in OrderField:
        nodes = await world().walk([100], orders=(Order(field, descending),))
        name = field.value.lower()
        missing = [getattr(record, name) is None for record in nodes]
        assert any(missing)
        assert missing == sorted(missing)


@pytest.mark.parametrize(
    ("name", "orders"),
    [
        ("wacr", (Order(OrderField.CREATED_AT), Order(OrderField.FIRST_NAME))),
        ("wacr", (Order(OrderField.CREATED_AT, True), Order(OrderField.LAST_NAME, True))),
        ("askelephant", (Order(OrderField.UPDATED_AT, True), Order(OrderField.CREATED_AT))),
        ("askelephant", (Order(OrderField.UPDATED_AT), Order(OrderField.FIRST_NAME, True))),
    ],
)
@pytest.mark.parametrize("instants", [1, 3, 40])
async def test_runs_of_equal_leading_keys_are_sorted_here(name: str, orders: tuple[Order, ...], instants: int) -> None:
    made = World({name: made_rows(name, 40, instants=instants)})
    one = await one_list(made, orders)
    for sizes in ([4, 9], [100]):
        assert ids(await made.walk(sizes, orders=orders)) == one
        assert ids(await made.walk_back(sizes, orders=orders)) == one


async def test_a_list_too_long_to_be_sorted_here_fails_and_names_the_remedy() -> None:
    made = World({"tether": made_rows("tether", 60), "wacr": made_rows("wacr", 20)}, scan_limit=50)
    outcome = await made.page(first=30, orders=(Order(OrderField.CREATED_AT),))
    assert {record.source.name for record in outcome.connection.nodes} == {"wacr"}
    failed = outcome.connection.sources[0]
    assert (failed.status, failed.error.code) == (SourceStatus.FAILED, SourceErrorCode.SORT_NOT_SUPPORTED)
    assert [word for word in ("50", "scan_limit", "filter") if word not in failed.error.message] == []
    assert not outcome.connection.page_info.has_next_page


async def test_a_text_order_beyond_the_limit_is_the_sources_own_and_says_so() -> None:
    made = World({"wacr": made_rows("wacr", 80)}, scan_limit=50, switches={"wacr": Switches(collation="binary")})
    orders = (Order(OrderField.FIRST_NAME),)
    seen: list[str] = []
    after: str | None = None
    while True:
        page = await made.connection(first=30, after=after, orders=orders)
        seen += ids(page.nodes)
        part = page.sources[0]
        assert part.status is SourceStatus.PARTIAL
        assert [warning.code for warning in part.warnings] == [SourceErrorCode.SORT_INEXACT]
        if not page.page_info.has_next_page:
            break
        after = page.page_info.end_cursor
    assert len(seen) == len(set(seen)) == 80


async def test_a_text_order_is_pushed_where_the_collation_is_ours() -> None:
    rows = [row for row in made_rows("wacr", 80) if row["firstname"]]
    made = World({"wacr": rows}, text_collation="casefold")
    page = await made.connection(first=10, orders=(Order(OrderField.FIRST_NAME),))
    assert [dict(call.parameters)["sort"] for call in made.fakes["wacr"].calls] == ["firstname,id"]
    assert page.sources[0].status is SourceStatus.OK


def _by_id(view: Callable[..., Any]) -> Callable[..., Any]:
    return lambda key, build: view(key, lambda: sorted(build(), key=lambda row: row["id"]))


async def test_a_source_that_breaks_its_date_order_is_noticed() -> None:
    made = World({"wacr": made_rows("wacr", 40, instants=40), "tether": made_rows("tether", 40, instants=40)})
    # It takes every sort for one by id.
    made.fakes["wacr"].store.view = _by_id(made.fakes["wacr"].store.view)  # type: ignore[method-assign]
    page = await made.connection(first=60, orders=(Order(OrderField.CREATED_AT),))
    wacr = next(part for part in page.sources if part.source.name == "wacr")
    assert wacr.status is SourceStatus.PARTIAL
    assert [warning.code for warning in wacr.warnings] == [SourceErrorCode.SORT_INEXACT]
    tether = [record.created_at for record in page.nodes if record.source.name == "tether"]
    assert tether == sorted(tether)  # type: ignore[type-var]


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize("size", [1, 13, 14, 15, 100])
@pytest.mark.parametrize("field", [OrderField.FIRST_NAME, OrderField.CREATED_AT])
async def test_a_broken_order_is_noticed_between_two_pages_too(field: OrderField, size: int, forward: bool) -> None:
    # In order but for one step, between the 14th and the 15th, where the order begins anew.
    rows = [
        {**row, "firstname": chr(ord("a") + number % 14) * 3, "created_at": instant(number % 14)}
        for number, row in enumerate(made_rows("wacr", 28))
    ]
    made = World({"wacr": rows}, text_collation="casefold")
    made.fakes["wacr"].store.view = _by_id(made.fakes["wacr"].store.view)  # type: ignore[method-assign]
    orders = (Order(field),)
    said: list[SourceErrorCode] = []
    seen: list[str] = []
    cursor: str | None = None
    while True:
        if forward:
            page = await made.connection(first=size, after=cursor, orders=orders)
        else:
            page = await made.connection(last=size, before=cursor, orders=orders)
        said += [warning.code for warning in page.sources[0].warnings]
        seen = seen + ids(page.nodes) if forward else ids(page.nodes) + seen
        info = page.page_info
        if not (info.has_next_page if forward else info.has_previous_page):
            break
        cursor = info.end_cursor if forward else info.start_cursor
    assert said == [SourceErrorCode.SORT_INEXACT]
    assert seen == [f"wacr:{row['id']}" for row in rows]


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize("size", [1, 14])
async def test_a_broken_order_of_runs_is_noticed_between_two_pages(size: int, forward: bool) -> None:
    rows = [{**row, "created_at": instant(number % 14)} for number, row in enumerate(made_rows("wacr", 28))]
    made = World({"wacr": rows})
    made.fakes["wacr"].store.view = _by_id(made.fakes["wacr"].store.view)  # type: ignore[method-assign]
    orders = (Order(OrderField.CREATED_AT), Order(OrderField.FIRST_NAME))
    if forward:
        page = await made.connection(first=14, orders=orders)
        following = await made.connection(first=size, after=page.page_info.end_cursor, orders=orders)
    else:
        page = await made.connection(last=14, orders=orders)
        following = await made.connection(last=size, before=page.page_info.start_cursor, orders=orders)
    assert page.sources[0].warnings == []
    assert [warning.code for warning in following.sources[0].warnings] == [SourceErrorCode.SORT_INEXACT]
