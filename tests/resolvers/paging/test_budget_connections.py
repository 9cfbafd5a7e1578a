"""A connection whose operation may use no more gives what it has read, and goes on behind it: no contact is lost."""

from __future__ import annotations

import asyncio
from collections import Counter as Tally
from itertools import pairwise
from typing import Any

import phonenumbers
import pytest

from providers.spi.budget import WORK_SLICE, Budget, BudgetExceeded, BudgetLimits, Counter
from providers.spi.errors import SourceErrorCode
from providers.spi.query import Condition, Operator, Or, Order, OrderField
from resolvers.contacts import ContactsQuestion, contacts
from resolvers.model.records import ContactConnectionRecord, SourceStatus
from resolvers.model.selection import Wanted
from resolvers.paging.arguments import PageArguments
from resolvers.planning.phone_numbers import e164
from resolvers.planning.sort_keys import in_order, in_order_in_turns
from resolvers.request.operation import Operation
from tests.support.lists import one_list, source_list
from tests.support.world import World, ids

ROWS = {"tether": 87, "askelephant": 91, "wacr": 79, "autokonnect": 73}
MANY = Or(
    (
        Condition("firstName", Operator.CONTAINS, "an"),
        Condition("lastName", Operator.STARTS_WITH, "w"),
        Condition("email", Operator.CONTAINS, "li"),
    )
)


async def page(
    world: World, limits: BudgetLimits, *, operation: Operation | None = None, **arguments: Any
) -> ContactConnectionRecord:
    window = PageArguments(*(arguments.pop(name, None) for name in ("first", "after", "last", "before")))
    asked = operation or world.operation(limits=limits)
    outcome = await contacts(asked, ContactsQuestion(window, **arguments), Wanted())
    assert outcome.failures == []
    assert isinstance(outcome.connection, ContactConnectionRecord)
    return outcome.connection


async def walk(world: World, limits: BudgetLimits, *, forward: bool, **arguments: Any) -> tuple[list[Any], int]:
    """Every contact by pages of ten, an operation each, and how many of the pages ended short."""
    found: list[Any] = []
    place: str | None = None
    short = 0
    for _ in range(400):
        way = {"first": 10, "after": place} if forward else {"last": 10, "before": place}
        got = await page(world, limits, **way, **arguments)
        short += any("server.limits" in warning.message for part in got.sources for warning in part.warnings)
        found = found + got.nodes if forward else got.nodes + found
        info = got.page_info
        if not (info.has_next_page if forward else info.has_previous_page):
            return found, short
        before, place = place, info.end_cursor if forward else info.start_cursor
        assert place != before
    raise AssertionError("more than 400 pages")


def _holds(record: Any) -> bool:
    return (
        "an" in (record.first_name or "").casefold()
        or (record.last_name or "").casefold().startswith("w")
        or any("li" in email.casefold() for email in record.emails)
    )


@pytest.mark.parametrize("source", list(ROWS))
@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize(
    "limits",
    [BudgetLimits(evaluations=60), BudgetLimits(evaluations=31), BudgetLimits(rows=60), BudgetLimits(upstream_calls=4)],
)
@pytest.mark.parametrize("orders", [(), (Order(OrderField.UPDATED_AT, True),)])
async def test_what_is_read_within_the_budget_is_given_and_reading_goes_on_behind_it(
    source: str, forward: bool, limits: BudgetLimits, orders: tuple[Order, ...]
) -> None:
    world = World({source: ROWS[source]}, max_page_size=20)
    one = await one_list(world, orders, holds=_holds)
    assert one
    outcome = await asyncio.gather(
        walk(world, limits, forward=forward, filter=MANY, orders=orders), return_exceptions=True
    )
    if isinstance(outcome[0], BudgetExceeded):
        # Read whole, or backward as a whole: nothing can be given before all of it is there.
        assert orders or not forward
        assert outcome[0].limit == getattr(limits, outcome[0].counter.value)
        return
    assert not isinstance(outcome[0], BaseException)
    found, short = outcome[0]
    assert ids(found) == one
    assert short or limits.evaluations > 1_000


@pytest.mark.parametrize("evaluations", [150, 200, 300])
async def test_the_walk_over_all_sources_loses_nothing_when_every_page_ends_short(evaluations: int) -> None:
    world = World(ROWS, max_page_size=20)
    found, short = await walk(world, BudgetLimits(evaluations=evaluations), forward=True, filter=MANY)
    one = await one_list(world, holds=_holds)
    assert short
    assert sorted(ids(found)) == sorted(one)


async def test_the_slice_says_which_setting_ended_the_reading() -> None:
    world = World({"wacr": 79}, max_page_size=20)
    got = await page(world, BudgetLimits(evaluations=30), first=50, filter=MANY)
    (part,) = got.sources
    assert part.status is SourceStatus.PARTIAL
    (warning,) = part.warnings
    assert warning.code is SourceErrorCode.SCAN_LIMIT_EXCEEDED
    assert "30 evaluations (server.limits.evaluations)" in warning.message
    assert got.page_info.has_next_page
    assert got.page_info.end_cursor


async def test_where_nothing_can_be_given_the_field_fails() -> None:
    world = World({"autokonnect": 73}, max_page_size=20)
    with pytest.raises(BudgetExceeded) as raised:
        await page(world, BudgetLimits(rows=30), first=5, orders=(Order(OrderField.UPDATED_AT),))
    assert raised.value.counter is Counter.ROWS


async def test_rows_of_an_answer_that_is_shared_are_counted_for_everybody_who_asked() -> None:
    world = World({"wacr": 40})
    operation = world.operation()
    for _ in range(3):
        await page(world, BudgetLimits(), operation=operation, first=20)
    assert (world.calls("wacr"), operation.budget.used(Counter.UPSTREAM_CALLS)) == (1, 1)
    assert operation.budget.used(Counter.ROWS) == 60


async def test_what_a_cache_gives_costs_its_rows_and_no_call() -> None:
    world = World({"wacr": 40}, cached=True)
    await page(world, BudgetLimits(), first=20)
    operation = world.operation()
    await page(world, BudgetLimits(), operation=operation, first=20)
    assert operation.budget.used(Counter.UPSTREAM_CALLS) == 0
    assert operation.budget.used(Counter.ROWS) == 20


async def test_judging_gives_way_every_few_thousand_conditions_and_not_below(monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[int] = []
    give_way = Budget.give_way

    async def counted(budget: Budget) -> None:
        turns.append(budget.used(Counter.EVALUATIONS))
        await give_way(budget)

    monkeypatch.setattr(Budget, "give_way", counted)
    world = World({"wacr": 400})
    few = Condition("firstName", Operator.CONTAINS, "no such name")
    await page(world, BudgetLimits(), first=5, filter=few)
    assert turns == []
    none = tuple(Condition(f, Operator.LIKE, f"no such {n}") for n in range(50) for f in ("firstName", "email"))
    operation = world.operation()
    await page(world, BudgetLimits(), operation=operation, first=5, filter=Or(none))
    used = operation.budget.used(Counter.EVALUATIONS)
    assert len(turns) >= used // (2 * WORK_SLICE)
    assert all(later - earlier <= 2 * WORK_SLICE for earlier, later in pairwise(turns))


async def test_ending_one_waiter_does_not_end_the_shared_read_of_another() -> None:
    world = World({"wacr": 40}, cached=True)
    poor, rich = world.operation(limits=BudgetLimits(rows=10)), world.operation()
    answers = await asyncio.gather(
        page(world, BudgetLimits(), operation=poor, first=20),
        page(world, BudgetLimits(), operation=rich, first=20),
        return_exceptions=True,
    )
    assert isinstance(answers[0], BudgetExceeded)
    assert isinstance(answers[1], ContactConnectionRecord)
    assert (len(answers[1].nodes), world.calls("wacr")) == (20, 1)
    # Both waited for the call, so both are charged with it.
    assert [each.budget.used(Counter.UPSTREAM_CALLS) for each in (poor, rich)] == [1, 1]


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """One entry for every time that other tasks are let run."""
    taken: list[None] = []
    give_way = Budget.give_way

    async def counted(budget: Budget) -> None:
        taken.append(None)
        await give_way(budget)

    monkeypatch.setattr(Budget, "give_way", counted)
    return taken


async def test_sorting_a_long_list_gives_way_and_sorts_as_at_once(turns: list[None]) -> None:
    records = await source_list(World({"wacr": 60}), "wacr") * 300
    orders = (Order(OrderField.LAST_NAME), Order(OrderField.UPDATED_AT, True))
    turns.clear()
    budget = Budget()
    assert await in_order_in_turns(records, orders, budget) == in_order(records, orders)
    assert budget.used(Counter.EVALUATIONS) == 36_000
    assert len(turns) == 5
    turns.clear()
    assert await in_order_in_turns(records[:900], orders, budget) == in_order(records[:900], orders)
    assert turns == []


async def test_a_long_list_of_numbers_is_read_once_and_in_turns(
    turns: list[None], monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[str] = []
    parse = phonenumbers.parse

    def counted(text: str, region: str | None = None) -> Any:
        parsed.append(text)
        return parse(text, region)

    monkeypatch.setattr(phonenumbers, "parse", counted)
    e164.cache_clear()
    numbers = tuple(f"+2547{number:08d}" for number in range(2_000))
    world = World({"wacr": 30, "autokonnect": 30})
    await page(world, BudgetLimits(), first=20, filter=Condition("phone", Operator.IN, numbers))
    assert len(turns) >= 2 * 2_000 * 50 // WORK_SLICE - 2
    assert max(Tally(parsed)[number] for number in numbers) == 1
