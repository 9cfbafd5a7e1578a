"""Runs of equal leading keys under the scan limit: nothing is lost, met twice or asked for in vain (DESIGN.md 4, 6)."""

from __future__ import annotations

from typing import Any

import pytest

from providers.spi.errors import SourceErrorCode
from providers.spi.query import Condition, Operator, Order, OrderField
from resolvers.model.records import SourceStatus
from tests.support.made_rows import Row, instant, made_rows
from tests.support.world import World, ids

LIMIT = 20
ORDERS = (Order(OrderField.UPDATED_AT, True), Order(OrderField.LAST_NAME))
HITS = Condition("firstName", Operator.EQ, "hit")

both = pytest.mark.parametrize("provider", ["wacr", "askelephant"])
any_size = pytest.mark.parametrize("size", [1, 3, 5, 100])


def runs(provider: str, sizes: list[int], hits: list[int] | None = None) -> list[Row]:
    """Rows in runs of these sizes, the newest run first; `hits` are the places of those that are named so."""
    key = {"wacr": "firstname"}.get(provider, "first_name")
    rows = made_rows(provider, sum(sizes))
    hours = [hour for hour, size in enumerate(reversed(sizes)) for _ in range(size)][::-1]
    named = range(len(rows)) if hits is None else hits
    return [
        {**row, "updated_at": instant(hour), key: "Hit" if number in named else "Miss"}
        for number, (row, hour) in enumerate(zip(rows, hours, strict=True))
    ]


async def both_ways(world: World, size: int, **question: Any) -> tuple[list[str], list[str]]:
    """All contacts forward, and all of them backward, by a client that goes on as long as there is more."""
    found: list[list[str]] = []
    for forward in (True, False):
        seen: list[str] = []
        cursor: str | None = None
        for _ in range(400):
            if forward:
                page = await world.connection(first=size, after=cursor, **question)
                more, following = page.page_info.has_next_page, page.page_info.end_cursor
                seen += ids(page.nodes)
            else:
                page = await world.connection(last=size, before=cursor, **question)
                more, following = page.page_info.has_previous_page, page.page_info.start_cursor
                seen = ids(page.nodes) + seen
            if not more:
                break
            assert following != cursor, "the same place again"
            cursor = following
        else:
            raise AssertionError("the walk never ends")
        found.append(seen)
    return found[0], found[1]


@both
@any_size
@pytest.mark.parametrize(
    ("sizes", "hits"),
    [
        ([1] * 60, [0, 1, 40, 41]),
        ([1] * 60, [55, 56, 57, 58, 59]),
        ([1] * 60, [0, 59]),
        ([15, 15, 15], [1, 16, 31]),
        ([15, 15, 15], None),
        ([20, 1, 20], [19, 40]),
        ([3, 18, 3, 18, 1], None),
        ([7] * 9, []),
    ],
)
async def test_long_gaps_and_full_runs_are_passed(
    provider: str, size: int, sizes: list[int], hits: list[int] | None
) -> None:
    rows = runs(provider, sizes, hits)
    question: dict[str, Any] = {"orders": ORDERS, "filter": HITS}
    expected = ids((await World({provider: rows}).connection(first=100, **question)).nodes)
    assert len(expected) == (len(rows) if hits is None else len(hits))
    assert await both_ways(World({provider: rows}, scan_limit=LIMIT), size, **question) == (expected, expected)


@both
@pytest.mark.parametrize("filtered", [False, True])
async def test_a_run_that_is_too_long_to_be_sorted_fails_for_good_and_leaves_the_others(
    provider: str, filtered: bool
) -> None:
    rows = runs(provider, [3, 30, 3])
    world = World({provider: rows, "autokonnect": 12}, scan_limit=LIMIT)
    question: dict[str, Any] = {"orders": ORDERS}
    if filtered:
        question["filter"] = Condition("lastName", Operator.NE, "nobody")
    seen: list[str] = []
    after: str | None = None
    for _ in range(20):
        page = (await world.page(first=4, after=after, **question)).connection
        seen += ids(page.nodes)
        if not page.page_info.has_next_page:
            break
        assert page.page_info.end_cursor != after
        after = page.page_info.end_cursor
    else:
        raise AssertionError("the walk never ends")
    assert len([name for name in seen if name.startswith("autokonnect:")]) == 12
    assert len(seen) == len(set(seen))
    failed = page.sources[0]
    assert failed.status is SourceStatus.FAILED
    assert failed.error is not None
    assert failed.error.code is SourceErrorCode.SORT_NOT_SUPPORTED
    assert "UPDATED_AT" in failed.error.message
    assert "scan_limit" in failed.error.message


async def test_backward_a_list_longer_than_the_limit_fails_for_good_and_the_others_come_to_their_start() -> None:
    world = World({"askelephant": made_rows("askelephant", 40), "autokonnect": 12}, scan_limit=LIMIT)
    seen: list[str] = []
    before: str | None = None
    for _ in range(5):
        page = (await world.page(last=5, before=before)).connection
        assert page.sources[0].error is not None
        assert page.sources[0].error.code is SourceErrorCode.SCAN_LIMIT_EXCEEDED
        seen = ids(page.nodes) + seen
        before = page.page_info.start_cursor
        if not page.page_info.has_previous_page:
            break
    else:
        raise AssertionError("the walk never ends")
    assert seen == ids(await World({"autokonnect": 12}).walk([100]))
