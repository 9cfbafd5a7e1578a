"""What one page costs upstream, exactly (DESIGN.md 6, "Windows", and 7)."""

from __future__ import annotations

from typing import Any

import pytest

from providers.apis.fakes import Switches
from providers.spi.query import Condition, Operator, Order, OrderField
from resolvers.model.records import SourceStatus
from resolvers.model.selection import Wanted
from tests.support.made_rows import instant, made_rows
from tests.support.world import World, ids

BY_NUMBER = ["tether", "wacr", "autokonnect"]
SIZE_NAMES = {"tether": "size", "wacr": "per_page", "autokonnect": "limit", "askelephant": "limit"}
COUNT = Wanted(contacts=False, cursors=False, page_info=False, total=True, slices=False)


def sizes(world: World, name: str) -> list[int]:
    """How many records each call asked a source for."""
    return [int(dict(call.parameters)[SIZE_NAMES[name]]) for call in world.fakes[name].calls]


@pytest.mark.parametrize("provider", BY_NUMBER)
@pytest.mark.parametrize("size", [1, 2, 7, 10, 24, 25, 33, 48, 49])
async def test_a_page_is_one_call_while_it_fits_half_the_largest_page(provider: str, size: int) -> None:
    world = World({provider: made_rows(provider, 400)})
    after: str | None = None
    for _ in range(7):
        world.forget_calls()
        page = await world.connection(first=size, after=after)
        assert world.calls(provider) == 1
        after = page.page_info.end_cursor
    before = after
    for _ in range(4):
        world.forget_calls()
        page = await world.connection(last=size, before=before)
        assert world.calls(provider) == 1
        before = page.page_info.start_cursor


@pytest.mark.parametrize("provider", BY_NUMBER)
@pytest.mark.parametrize("size", [50, 63, 75, 99, 100])
async def test_a_larger_page_is_never_more_than_two_calls(provider: str, size: int) -> None:
    world = World({provider: made_rows(provider, 600)})
    after: str | None = None
    for _ in range(5):
        world.forget_calls()
        page = await world.connection(first=size, after=after)
        assert len(page.nodes) == size
        assert world.calls(provider) <= 2
        after = page.page_info.end_cursor


@pytest.mark.parametrize("provider", BY_NUMBER)
async def test_page_one_thousand_costs_what_page_one_costs(provider: str) -> None:
    world = World({provider: made_rows(provider, 4_200)}, scan_limit=10_000)
    page = await world.connection(first=4)
    for _ in range(1_000):
        world.forget_calls()
        page = await world.connection(Wanted(cursors=False, total=False), first=4, after=page.page_info.end_cursor)
        assert world.calls(provider) == 1
        assert len(page.nodes) == 4


async def test_rank_order_asks_each_live_source_for_its_share() -> None:
    world = World({name: made_rows(name, 200) for name in ("tether", "askelephant", "wacr", "autokonnect")})
    page = await world.connection(Wanted(total=False), first=30)
    assert {name: sizes(world, name) for name in world.sources} == {name: [8] for name in world.sources}
    assert len(page.nodes) == 30


async def test_a_source_that_ends_short_costs_one_more_round() -> None:
    world = World({"tether": made_rows("tether", 3), "wacr": made_rows("wacr", 200)})
    page = await world.connection(Wanted(total=False), first=20)
    assert len(page.nodes) == 20
    assert (world.calls("tether"), world.calls("wacr")) == (1, 2)


async def test_backward_over_lists_of_unequal_length_each_page_is_one_call_of_a_source() -> None:
    lengths = {"tether": 300, "wacr": 170, "autokonnect": 40}
    world = World({name: made_rows(name, count) for name, count in lengths.items()})
    whole = ids(await world.walk([100]))
    world.forget_calls()
    page = await world.connection(Wanted(total=False), last=25)
    # Its length, its last page, and the row behind: that the list ends there is otherwise the total's word alone.
    assert {name: world.calls(name) for name in lengths} == dict.fromkeys(lengths, 3)
    seen = ids(page.nodes)
    while page.page_info.has_previous_page:
        world.forget_calls()
        page = await world.connection(Wanted(total=False), last=25, before=page.page_info.start_cursor)
        assert max(world.calls(name) for name in lengths) == 1
        seen = ids(page.nodes) + seen
    assert seen == whole


async def test_the_end_of_one_list_is_read_without_the_rest_of_it() -> None:
    # Read as a whole it would be longer than the scan limit allows.
    rows = [{**row, "updated_at": instant(number)} for number, row in enumerate(made_rows("askelephant", 300))]
    world = World({"askelephant": rows}, scan_limit=100)
    page = await world.connection(last=10)
    assert world.calls("askelephant") == 1
    whole = ids(await world.walk([100]))
    assert ids(page.nodes) == whole[-10:]
    assert ids(await world.walk_back([7, 100])) == whole


async def test_an_exhausted_source_is_not_asked_again() -> None:
    world = World({"tether": made_rows("tether", 3), "wacr": made_rows("wacr", 60)})
    page = await world.connection(first=20)
    world.forget_calls()
    page = await world.connection(Wanted(total=False), first=20, after=page.page_info.end_cursor)
    assert len(page.nodes) == 20
    assert (world.calls("tether"), world.calls("wacr")) == (0, 1)
    assert [part.status for part in page.sources] == [SourceStatus.SKIPPED, SourceStatus.OK]


async def test_a_count_is_one_record_of_each_source_that_can_count() -> None:
    world = World({name: made_rows(name, 30) for name in ("tether", "askelephant", "wacr", "autokonnect")})
    page = await world.connection(COUNT, sources=("tether", "wacr", "autokonnect"), first=25)
    assert page.total_count == 90
    assert {name: sizes(world, name) for name in BY_NUMBER} == {name: [1] for name in BY_NUMBER}
    assert world.calls("askelephant") == 0


async def test_no_call_is_made_to_count_what_cannot_count() -> None:
    world = World({"askelephant": made_rows("askelephant", 30)})
    page = await world.connection(COUNT)
    assert page.total_count is None
    assert world.calls("askelephant") == 0


async def test_the_total_of_a_source_without_count_is_known_when_it_was_read_to_its_end() -> None:
    world = World({"askelephant": made_rows("askelephant", 30)})
    assert (await world.connection(first=30)).total_count == 30
    assert (await world.connection(first=29)).total_count is None


async def test_totals_are_null_under_a_filter_that_is_applied_here() -> None:
    world = World({"tether": made_rows("tether", 300)})
    condition = Condition("firstName", Operator.EQ, "Zoë")
    assert (await world.connection(first=5)).total_count == 300
    assert (await world.connection(first=5, filter=condition)).total_count is None
    whole = await world.connection(first=100, filter=condition)
    assert not whole.page_info.has_next_page
    assert whole.total_count == len(whole.nodes) > 0


async def test_first_nothing_asks_nothing_unless_the_page_info_is_wanted() -> None:
    world = World({"tether": made_rows("tether", 30)})
    page = await world.connection(Wanted(page_info=False, total=False), first=0)
    assert page.nodes == []
    assert world.calls("tether") == 0
    page = await world.connection(Wanted(total=False), first=0)
    assert (page.nodes, page.page_info.has_next_page) == ([], True)
    assert sizes(world, "tether") == [1]


async def test_a_long_run_of_equal_keys_is_not_read_a_record_a_call() -> None:
    orders = (Order(OrderField.CREATED_AT), Order(OrderField.LAST_NAME))
    world = World({"wacr": made_rows("wacr", 300, instants=2)})
    one = ids(await world.walk([100], orders=orders))
    assert len(set(one)) == 300
    for arguments in ({"first": 20}, {"last": 20}):
        world.forget_calls()
        page = await world.connection(Wanted(total=False), orders=orders, **arguments)
        assert ids(page.nodes) == (one[:20] if "first" in arguments else one[-20:])
        assert world.calls("wacr") <= 7


async def test_pages_of_a_list_that_is_sorted_here_are_read_side_by_side() -> None:
    world = World({"tether": made_rows("tether", 450)})
    await world.connection(Wanted(total=False), first=10, orders=(Order(OrderField.CREATED_AT),))
    assert [dict(call.parameters)["page"] for call in world.fakes["tether"].calls] == ["1", "2", "3", "4", "5"]
    assert set(sizes(world, "tether")) == {100}


async def test_equal_questions_of_one_operation_go_out_once() -> None:
    from resolvers.contacts import ContactsQuestion, contacts
    from resolvers.paging.arguments import PageArguments

    world = World({"wacr": made_rows("wacr", 40)})
    operation = world.operation()
    question = ContactsQuestion(PageArguments(first=10))
    first = await contacts(operation, question, Wanted())
    second = await contacts(operation, question, Wanted())
    assert ids(first.connection.nodes) == ids(second.connection.nodes)
    assert world.calls("wacr") == 1


async def test_reading_for_a_filter_stops_at_the_scan_limit_and_goes_on_from_there() -> None:
    rows = made_rows("tether", 900)
    for number, row in enumerate(rows):
        row["firstName"] = "Needle" if number % 170 == 3 else "Hay"
    world = World({"tether": rows}, switches={"tether": Switches(default_order="insertion")}, scan_limit=100)
    arguments: dict[str, Any] = {"filter": Condition("firstName", Operator.EQ, "needle"), "first": 3}
    found: list[str] = []
    after: str | None = None
    turns = 0
    while True:
        turns += 1
        world.forget_calls()
        page = await world.connection(after=after, **arguments)
        found += ids(page.nodes)
        assert sum(sizes(world, "tether")) <= 230
        if not page.page_info.has_next_page:
            break
        assert page.page_info.end_cursor not in (None, after)
        after = page.page_info.end_cursor
        if len(page.nodes) < 3:
            assert [warning.code.value for warning in page.sources[0].warnings] == ["SCAN_LIMIT_EXCEEDED"]
    assert found == [f"tether:{row['_id']}" for row in rows if row["firstName"] == "Needle"]
    assert 5 < turns < 20
