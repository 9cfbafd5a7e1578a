"""Many contacts, many sources, many different questions: what is asked and kept does not grow with them."""

from __future__ import annotations

import asyncio
from itertools import islice, product
from typing import Any

import pytest

from gql.execution.call import Caller
from gql.execution.gateway import Gateway
from providers.cache.store import MemoryCache
from providers.spi.record import ContactRecord
from resolvers.dataloaders.seen_contacts import SeenContacts
from resolvers.streams.sorted_here.snapshots import Snapshots
from tests.scale.synthetic import SyntheticUpstream, ask, gateway_over, table

PAGE = """
query Page($first: Int, $after: String, $last: Int, $before: String, $orderBy: [ContactOrder!]) {
  contacts(first: $first, after: $after, last: $last, before: $before, orderBy: $orderBy) {
    nodes { id firstName }
    pageInfo { startCursor endCursor hasNextPage hasPreviousPage }
    sources { status }
  }
}
"""
MILLION = 1_000_000
LARGEST_PAGE = 100


async def page(gateway: Gateway, **variables: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await ask(gateway, PAGE, **variables))["contacts"]
    assert [each["status"] for each in found["sources"]] == ["OK"]
    return found


def names(found: dict[str, Any]) -> list[str]:
    return [node["firstName"] for node in found["nodes"]]


def numbered(numbers: range) -> list[str]:
    return [f"Ada{number}" for number in numbers]


# ---------------------------------------------------------------- a million contacts


async def forward(provider: str, size: int) -> list[tuple[int, int]]:
    """What each of the first five pages costs: calls, and rows that had to be decoded."""
    upstream = SyntheticUpstream(provider, size)
    gateway = gateway_over(upstream, [table(provider)])
    costs: list[tuple[int, int]] = []
    after: str | None = None
    for number in range(5):
        found = await page(gateway, first=50, after=after)
        assert names(found) == numbered(range(number * 50, number * 50 + 50))
        after = found["pageInfo"]["endCursor"]
        costs.append(upstream.cost())
    return costs


@pytest.mark.parametrize("provider", ["tether", "askelephant", "wacr", "autokonnect"])
async def test_pages_of_a_million_contacts_cost_what_pages_of_a_thousand_cost(provider: str) -> None:
    costs = await forward(provider, MILLION)
    assert costs == await forward(provider, 1_000)
    assert costs[0] == (1, 50)
    assert all(calls <= 2 and rows <= 2 * LARGEST_PAGE for calls, rows in costs)


@pytest.mark.parametrize("provider", ["tether", "wacr", "autokonnect"])
async def test_the_last_pages_of_a_million_contacts_cost_what_the_first_ones_do(provider: str) -> None:
    upstream = SyntheticUpstream(provider, MILLION)
    gateway = gateway_over(upstream, [table(provider)])
    found = await page(gateway, last=50)
    assert names(found) == numbered(range(MILLION - 50, MILLION))
    calls, rows = upstream.cost()
    assert calls <= 3  # one of them counts (DESIGN.md 6, "Cursor")
    assert rows <= 2 * LARGEST_PAGE + 1
    for number in range(2, 6):
        found = await page(gateway, last=50, before=found["pageInfo"]["startCursor"])
        assert names(found) == numbered(range(MILLION - number * 50, MILLION - number * 50 + 50))
        calls, rows = upstream.cost()
        assert calls <= 2
        assert rows <= 2 * LARGEST_PAGE
    found = await page(gateway, first=50, after=found["pageInfo"]["endCursor"])
    assert names(found) == numbered(range(MILLION - 200, MILLION - 150))
    calls, rows = upstream.cost()
    assert calls <= 2
    assert rows <= 2 * LARGEST_PAGE


@pytest.mark.parametrize(
    ("provider", "field"), [("askelephant", "UPDATED_AT"), ("wacr", "CREATED_AT")], ids=["askelephant", "wacr"]
)
async def test_an_order_that_the_source_has_costs_a_page_at_either_end_of_a_million(provider: str, field: str) -> None:
    upstream = SyntheticUpstream(provider, MILLION)
    gateway = gateway_over(upstream, [table(provider)])
    newest = await page(gateway, first=50, orderBy=[{"field": field, "direction": "DESC"}])
    assert names(newest) == numbered(range(50))
    oldest = await page(gateway, first=50, orderBy=[{"field": field, "direction": "ASC"}])
    assert names(oldest) == numbered(range(MILLION - 50, MILLION))[::-1]
    calls, rows = upstream.cost()
    assert calls == 2
    assert rows <= 2 * LARGEST_PAGE


async def test_a_total_of_a_million_is_one_row_of_the_source() -> None:
    upstream = SyntheticUpstream("wacr", MILLION)
    data = await ask(gateway_over(upstream, [table("wacr")]), "{ contacts { totalCount } }")
    assert data == {"contacts": {"totalCount": MILLION}}
    assert upstream.cost() == (1, 1)


# ---------------------------------------------------------------- sixteen sources


async def test_sixteen_sources_are_asked_at_once() -> None:
    upstream = SyntheticUpstream("wacr", 1_000)
    upstream.gate.clear()
    gateway = gateway_over(upstream, [table("wacr", f"wacr-{number}") for number in range(16)])
    asking = asyncio.create_task(ask(gateway, "{ contacts(first: 100) { nodes { source { name } } } }"))
    for _ in range(10_000):
        if upstream.under_way == 16:
            break
        await asyncio.sleep(0)
    assert (upstream.under_way, upstream.calls) == (16, 16)  # none waits for another's answer
    upstream.gate.set()
    nodes = (await asking)["contacts"]["nodes"]
    assert len(nodes) == 100
    assert {node["source"]["name"] for node in nodes} == {f"wacr-{number}" for number in range(16)}
    assert (upstream.most, upstream.calls) == (16, 16)


# ---------------------------------------------------------------- what is kept


async def test_however_many_documents_come_as_many_are_kept_as_configured() -> None:
    gateway = gateway_over(SyntheticUpstream("wacr", 10), [table("wacr")], {"cache": {"documents": 20}})
    for number in range(100):
        assert await ask(gateway, f"query Q{number} {{ __typename }}") == {"__typename": "Query"}
    assert len(gateway.documents) == 20


async def test_however_long_documents_are_their_texts_together_are_bounded() -> None:
    gateway = gateway_over(SyntheticUpstream("wacr", 10), [table("wacr")], {"cache": {"document_bytes": 5_000}})
    for number in range(100):
        await ask(gateway, f"query Q{number} {{ __typename }} #".ljust(500, "x"))
    assert len(gateway.documents) == 5_000 // 500
    await ask(gateway, "{ __typename } #".ljust(5_001, "x"))
    assert len(gateway.documents) == 5_000 // 500


async def test_however_many_combinations_of_conditions_come_a_document_keeps_few() -> None:
    variables = [f"v{number}" for number in range(11)]
    fields = " ".join(f"f{name}: firstName @include(if: ${name})" for name in variables)
    declared = " ".join(f"${name}: Boolean!" for name in variables)
    document = f"query({declared}) {{ contacts(first: 1) {{ nodes {{ id {fields} }} }} }}"
    gateway = gateway_over(SyntheticUpstream("wacr", 10), [table("wacr")])
    for values in islice(product((False, True), repeat=len(variables)), 1_100):
        data = await ask(gateway, document, None, **dict(zip(variables, values, strict=True)))
        assert len(data["contacts"]["nodes"][0]) == 1 + sum(values)
    known = gateway.documents.get(document)
    assert known.plans is not None
    assert known.plans.variants <= 16
    assert len(known.selections) <= 1_000


async def test_however_many_pages_are_asked_for_answers_take_no_more_memory_than_configured() -> None:
    cache = MemoryCache(max_bytes=100_000)
    upstream = SyntheticUpstream("wacr", 10_000)
    gateway = gateway_over(upstream, [table("wacr", cache_ttl=600.0)], cache=cache)
    after: str | None = None
    for _ in range(100):
        after = (await page(gateway, first=20, after=after))["pageInfo"]["endCursor"]
        assert cache.size <= 100_000
    assert upstream.calls >= 100
    assert cache.size > 50_000  # it was filled, and more than once


async def test_however_many_callers_see_different_sources_few_views_are_kept() -> None:
    gateway = gateway_over(SyntheticUpstream("wacr", 10), [table("wacr")])
    for number in range(1_100):
        caller = Caller("any", frozenset({"wacr", f"other-{number}"}))
        data = await ask(gateway, "{ sources { name } }", caller)
        assert data == {"sources": [{"name": "wacr"}]}
    assert len(gateway._visible) == 1_000


def record(number: int) -> ContactRecord:
    made: Any = number
    found: ContactRecord = made
    return found


def test_contacts_seen_by_scans_are_kept_up_to_ten_thousand() -> None:
    seen = SeenContacts(600.0)
    for number in range(15_000):
        seen.put("credential", str(number), record(number))
    kept = [number for number in range(15_000) if seen.get("credential", str(number)) is not None]
    assert kept == list(range(5_000, 15_000))


def test_snapshots_are_bounded_by_their_number() -> None:
    snapshots = Snapshots()
    for number in range(100):
        snapshots.put(number, 1, "list")
    assert [number for number in range(100) if snapshots.get(number, 600.0)] == list(range(36, 100))


def test_snapshots_are_bounded_by_their_records() -> None:
    snapshots = Snapshots()
    for number in range(10):
        snapshots.put(number, 60_000, "list")
    assert [number for number in range(10) if snapshots.get(number, 600.0)] == [7, 8, 9]
    snapshots.put("too long", 200_001, "list")
    assert snapshots.get("too long", 600.0) is None
