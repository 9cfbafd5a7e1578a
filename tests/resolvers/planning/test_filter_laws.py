"""Pushing a filter equals applying it here, for every provider, field and operator (DESIGN.md 4)."""

from __future__ import annotations

import asyncio
from itertools import zip_longest
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.apis.fakes import Switches
from providers.capability_table import COMMON_FIELDS
from providers.registry import PROVIDERS
from providers.spi.query import And, Condition, Filter, Operator, Order, OrderField
from providers.spi.record import ContactRecord
from resolvers.model.records import SourceStatus
from resolvers.model.selection import Wanted
from resolvers.planning.predicate import compiled
from tests.support.filter_meaning import holds
from tests.support.filter_rows import REGION, filter_rows
from tests.support.filters import WACR_FIELDS, filters, operands, trees
from tests.support.lists import sorted_by
from tests.support.world import World, ids

ROWS = {name: filter_rows(name) for name in PROVIDERS}
# Everything that a filter may look at; the same with and without one, so that records compare alike.
WANTED = Wanted(parts=frozenset({"tags", "status", "stage"}))
LAWS = settings(max_examples=120, deadline=None, derandomize=True)

SWITCHES = st.builds(
    Switches,
    nulls=st.sampled_from(["sql", "kept"]),
    range_ends=st.sampled_from(["inclusive", "exclusive"]),
    date_only_end=st.sampled_from(["midnight", "end_of_day"]),
    collation=st.sampled_from(["casefold", "binary"]),
    whole_word_search=st.booleans(),
    missing_order=st.sampled_from(["smallest", "largest"]),
    default_order=st.sampled_from(["created_desc", "updated_desc", "insertion"]),
    created_by=st.sampled_from(["id", "object"]),
    assignees=st.sampled_from(["ids", "objects"]),
    past_end=st.sampled_from(["empty", "404", "last"]),
)


def world_of(*names: str, switches: Switches | None = None) -> World:
    return World(
        {name: ROWS[name] for name in names},
        switches=dict.fromkeys(names, switches) if switches is not None else None,
        default_region=REGION,
    )


async def listed(world: World, size: int = 100, **arguments: Any) -> list[ContactRecord]:
    """All contacts of the question, `size` a page."""
    found: list[ContactRecord] = []
    after = None
    while True:
        page = await world.connection(WANTED, first=size, after=after, **arguments)
        found += page.nodes
        if not page.page_info.has_next_page:
            return found
        after = page.page_info.end_cursor


def in_rank_order(world: World, records: list[ContactRecord]) -> list[ContactRecord]:
    """The records as the connection puts them: the first of every source, the second of every source, and so on."""
    apart = [[record for record in records if record.source.name == name] for name in world.sources]
    return [record for rank in zip_longest(*apart) for record in rank if record is not None]


def common_cases() -> list[tuple[str, Operator]]:
    return [(field, operator) for field, operators in COMMON_FIELDS.items() for operator in operators]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("ends", ["inclusive", "exclusive"])
async def test_every_operator_on_every_common_field_answers_what_the_field_means(provider: str, ends: Any) -> None:
    world = world_of(provider, switches=Switches(range_ends=ends))
    everything = await listed(world)
    assert len(everything) == len(ROWS[provider])
    for field, operator in common_cases():
        for operand in operands(field, operator):
            condition = Condition(field, operator, operand)
            expected = [record for record in everything if holds(condition, record)]
            assert ids(await listed(world, filter=condition)) == ids(expected), condition


@pytest.mark.parametrize("field", WACR_FIELDS)
@pytest.mark.parametrize("nulls", ["sql", "kept"])
@pytest.mark.parametrize("ends", ["inclusive", "exclusive"])
async def test_every_operator_of_wacr_filter_answers_what_it_means(field: str, nulls: Any, ends: Any) -> None:
    world = world_of("wacr", switches=Switches(nulls=nulls, range_ends=ends, collation="binary"))
    everything = await listed(world)
    for operator in WACR_FIELDS[field]:
        for operand in operands(field, operator):
            condition = Condition(field, operator, operand)
            expected = [record for record in everything if holds(condition, record)]
            assert ids(await listed(world, filter=condition)) == ids(expected), condition


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_meaning_written_once_is_the_meaning_of_the_design(provider: str) -> None:
    world = world_of(provider)
    everything = asyncio.run(listed(world))
    engine = world.sources[provider].provider
    for field, operator in common_cases():
        for operand in operands(field, operator):
            condition = Condition(field, operator, operand)
            predicate = compiled(condition, engine)
            assert [predicate(record) for record in everything] == [holds(condition, record) for record in everything]


@LAWS
@given(filter=filters(), switches=SWITCHES, size=st.sampled_from([3, 10, 100]))
def test_nested_filters_over_all_sources_answer_what_they_mean(filter: Filter, switches: Switches, size: int) -> None:
    world = world_of(*PROVIDERS, switches=switches)

    async def ask() -> tuple[list[ContactRecord], list[ContactRecord]]:
        return await listed(world), await listed(world, size, filter=filter)

    everything, found = asyncio.run(ask())
    assert len(everything) == sum(map(len, ROWS.values()))
    expected = in_rank_order(world, [record for record in everything if holds(filter, record)])
    assert ids(found) == ids(expected)


@LAWS
@given(filter=filters(), switches=SWITCHES)
def test_a_filter_beside_a_search_leaves_what_holds_of_the_search(filter: Filter, switches: Switches) -> None:
    world = world_of(*PROVIDERS, switches=switches)

    async def ask() -> tuple[list[ContactRecord], list[ContactRecord]]:
        return await listed(world, search="an"), await listed(world, search="an", filter=filter)

    searched, found = asyncio.run(ask())
    expected = in_rank_order(world, [record for record in searched if holds(filter, record)])
    assert ids(found) == ids(expected)


ORDERS = st.lists(st.builds(Order, st.sampled_from(OrderField), st.booleans()), min_size=1, max_size=3).map(tuple)


@LAWS
@given(filter=filters(), orders=ORDERS, switches=SWITCHES, size=st.sampled_from([7, 100]))
def test_a_filter_beside_an_order_leaves_what_holds_in_that_order(
    filter: Filter, orders: tuple[Order, ...], switches: Switches, size: int
) -> None:
    world = world_of(*PROVIDERS, switches=switches)

    async def ask() -> tuple[list[ContactRecord], list[ContactRecord]]:
        return await listed(world), await listed(world, size, filter=filter, orders=orders)

    everything, found = asyncio.run(ask())
    assert sorted(ids(found)) == sorted(ids([record for record in everything if holds(filter, record)]))
    assert ids(found) == ids(sorted_by(found, orders))


@LAWS
@given(filter=trees(), switches=SWITCHES)
def test_a_total_is_never_wrong(filter: Filter, switches: Switches) -> None:
    world = world_of(*PROVIDERS, switches=switches)

    async def ask() -> tuple[list[ContactRecord], Any]:
        return await listed(world), await world.connection(WANTED, first=2, filter=filter)

    everything, page = asyncio.run(ask())
    for part in page.sources:
        held = sum(holds(filter, record) for record in everything if record.source.name == part.source.name)
        assert part.total_count in (None, held)


LACKING = [
    (name, field)
    for name, fields in {
        "tether": ("company", "tag"),
        "askelephant": ("company", "status", "stage", "tag", "ownerId", "assigneeId"),
        "wacr": ("stage", "ownerId"),
        "autokonnect": ("company", "status", "stage", "ownerId", "assigneeId"),
    }.items()
    for field in fields
]


@pytest.mark.parametrize(("provider", "field"), LACKING)
async def test_what_a_source_has_no_value_for_is_answered_without_asking_it(provider: str, field: str) -> None:
    world = world_of(provider)
    for condition in (
        Condition(field, Operator.EQ, "x"),
        Condition(field, Operator.IN, ("x", "y")),
        Condition(field, Operator.CONTAINS, ""),
        Condition(field, Operator.IS_NULL, False),
    ):
        world.forget_calls()
        page = await world.connection(WANTED, first=5, filter=condition)
        assert (page.nodes, page.total_count, page.page_info.has_next_page) == ([], 0, False)
        assert [part.status for part in page.sources] == [SourceStatus.SKIPPED]
        assert world.calls(provider) == 0, condition
    everyone = await listed(world)
    for condition in (Condition(field, Operator.NE, "x"), Condition(field, Operator.IS_NULL, True)):
        page = await world.connection(WANTED, first=100, filter=condition)
        assert ids(page.nodes) == ids(everyone)


async def test_a_filter_that_one_source_cannot_meet_leaves_the_others_their_contacts() -> None:
    world = world_of(*PROVIDERS)
    page = await world.connection(WANTED, first=100, filter=Condition("company", Operator.CONTAINS, "acme"))
    assert {node.source.name for node in page.nodes} == {"wacr"}
    assert [part.status for part in page.sources] == [
        SourceStatus.OK if name == "wacr" else SourceStatus.SKIPPED for name in PROVIDERS
    ]
    assert {name: world.calls(name) for name in PROVIDERS if name != "wacr"} == {
        "tether": 0,
        "askelephant": 0,
        "autokonnect": 0,
    }


@pytest.mark.parametrize("fields", [("wacr.assignedId", "assigneeId"), ("wacr.createdAt", "createdAt")])
async def test_two_conditions_on_one_parameter_both_hold(fields: tuple[str, str]) -> None:
    """A second condition that the parameter cannot hold as well is applied here."""
    world = world_of("wacr")
    everything = await listed(world)
    for first in WACR_FIELDS[fields[0]]:
        for second in COMMON_FIELDS[fields[1]]:
            a, b = operands(fields[0], first), operands(fields[1], second)
            for index in range(3):
                both = And(
                    (
                        Condition(fields[0], first, a[index % len(a)]),
                        Condition(fields[1], second, b[(index + 1) % len(b)]),
                    )
                )
                expected = [record for record in everything if holds(both, record)]
                world.forget_calls()
                assert ids(await listed(world, filter=both)) == ids(expected), both
                for call in world.fakes["wacr"].calls:
                    assert unambiguous([name for name, _ in call.parameters]), call.parameters


def unambiguous(names: list[str]) -> bool:
    """Whether no parameter is sent twice, nor with and without an operator: frameworks keep the later one alone."""
    with_operator = {name[: name.index("][") + 1] for name in names if "][" in name}
    return len({*names}) == len(names) and with_operator.isdisjoint(names)
