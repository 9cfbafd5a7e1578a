"""A source that fails, fails alone; it keeps its place and loses nothing (DESIGN.md 8)."""

from __future__ import annotations

import pytest

from providers.spi.errors import SourceErrorCode
from providers.spi.query import Order, OrderField
from resolvers.model.records import ContactConnectionRecord, SliceRecord, SourceErrorPolicy, SourceStatus
from tests.support.made_rows import made_rows
from tests.support.world import World, ids

NAMES = ["tether", "askelephant", "wacr", "autokonnect"]
ORDERS = [(), (Order(OrderField.CREATED_AT),), (Order(OrderField.UPDATED_AT, True), Order(OrderField.LAST_NAME))]


def world() -> World:
    return World({name: made_rows(name, 40) for name in NAMES})


def part(page: ContactConnectionRecord, name: str) -> SliceRecord:
    return next(part for part in page.sources if part.source.name == name)


@pytest.mark.parametrize("orders", ORDERS)
@pytest.mark.parametrize("name", NAMES)
async def test_the_other_sources_contacts_come_and_the_failure_is_told(name: str, orders: tuple[Order, ...]) -> None:
    made = world()
    made.fakes[name].switches.fail("status", 50, status=500)
    outcome = await made.page(first=20, orders=orders)
    page = outcome.connection
    assert len(page.nodes) == 20
    assert name not in {record.source.name for record in page.nodes}
    assert [(failure.source, failure.code) for failure in outcome.failures] == [
        (name, SourceErrorCode.SOURCE_UNAVAILABLE)
    ]
    failed = part(page, name)
    assert (failed.status, failed.total_count) == (SourceStatus.FAILED, None)
    assert failed.error is not None
    assert failed.error.code is SourceErrorCode.SOURCE_UNAVAILABLE
    assert page.total_count is None


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize("orders", ORDERS)
@pytest.mark.parametrize("name", NAMES)
async def test_a_source_that_fails_for_some_pages_loses_and_repeats_nothing(
    name: str, orders: tuple[Order, ...], forward: bool
) -> None:
    made = world()
    seen: list[str] = []
    cursor: str | None = None
    for turn in range(60):
        made.fakes[name].switches.faults.clear()
        if turn in (0, 2, 3):
            made.fakes[name].switches.fail("status", 50, status=502)
        if forward:
            outcome = await made.page(first=13, after=cursor, orders=orders)
        else:
            outcome = await made.page(last=13, before=cursor, orders=orders)
        page = outcome.connection
        seen += ids(page.nodes)
        more = page.page_info.has_next_page if forward else page.page_info.has_previous_page
        if turn in (0, 2, 3):
            assert part(page, name).status is SourceStatus.FAILED
            assert more
        if not more:
            break
        cursor = page.page_info.end_cursor if forward else page.page_info.start_cursor
        assert cursor is not None
    assert len(seen) == len(set(seen)) == 160


async def test_a_failing_source_alone_keeps_the_last_page_open() -> None:
    made = world()
    page = await made.connection(first=100)
    made.fakes["wacr"].switches.fail("status", 50, status=500)
    outcome = await made.page(first=100, after=page.page_info.end_cursor)
    assert outcome.connection.page_info.has_next_page
    made.fakes["wacr"].switches.faults.clear()
    rest = await made.connection(first=100, after=outcome.connection.page_info.end_cursor)
    assert {record.source.name for record in rest.nodes} == {"wacr"}
    assert not rest.page_info.has_next_page
    every = ids(page.nodes) + ids(outcome.connection.nodes) + ids(rest.nodes)
    assert len(every) == len(set(every)) == 160


@pytest.mark.parametrize("status", [401, 403])
async def test_a_source_that_failed_for_good_does_not_keep_the_list_open(status: int) -> None:
    made = World({"tether": made_rows("tether", 5), "wacr": made_rows("wacr", 5)})
    made.fakes["wacr"].switches.fail("status", 50, status=status)
    outcome = await made.page(first=20)
    assert len(outcome.connection.nodes) == 5
    assert not outcome.connection.page_info.has_next_page


async def test_when_every_source_failed_a_first_page_is_null() -> None:
    made = world()
    for fake in made.fakes.values():
        fake.switches.fail("status", 50, status=500)
    outcome = await made.page(first=20)
    assert outcome.connection is None
    assert {failure.source for failure in outcome.failures} == set(NAMES)


@pytest.mark.parametrize("forward", [True, False])
async def test_when_every_source_failed_a_later_page_is_empty_and_keeps_the_cursor(forward: bool) -> None:
    made = world()
    page = await (made.connection(first=20) if forward else made.connection(last=20))
    given = page.page_info.end_cursor if forward else page.page_info.start_cursor
    for fake in made.fakes.values():
        fake.switches.fail("status", 50, status=500)
    outcome = await (made.page(first=20, after=given) if forward else made.page(last=20, before=given))
    info = outcome.connection.page_info
    assert outcome.connection.nodes == []
    if forward:
        assert (info.has_next_page, info.end_cursor) == (True, given)
    else:
        assert (info.has_previous_page, info.start_cursor) == (True, given)
    assert [part.status for part in outcome.connection.sources] == [SourceStatus.FAILED] * 4


async def test_slices_only_tells_failures_in_the_slices_alone() -> None:
    made = world()
    made.fakes["tether"].switches.fail("status", 50, status=500)
    outcome = await made.page(first=20, policy=SourceErrorPolicy.SLICES_ONLY)
    assert outcome.failures == []
    assert part(outcome.connection, "tether").status is SourceStatus.FAILED


async def test_fail_gives_no_connection_at_all() -> None:
    made = world()
    made.fakes["tether"].switches.fail("status", 50, status=500)
    outcome = await made.page(first=20, policy=SourceErrorPolicy.FAIL)
    assert outcome.connection is None
    assert [failure.source for failure in outcome.failures] == ["tether"]


async def test_a_source_that_never_answers_times_out_alone() -> None:
    made = World({"tether": made_rows("tether", 5), "wacr": made_rows("wacr", 5)}, timeout=0.2)
    made.fakes["wacr"].switches.fail("hang", 50)
    outcome = await made.page(first=20)
    assert len(outcome.connection.nodes) == 5
    assert [failure.code for failure in outcome.failures] == [SourceErrorCode.SOURCE_TIMEOUT]
