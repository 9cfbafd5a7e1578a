"""Lists sorted here are kept for a short time: a cache that nobody else's credential opens (DESIGN.md 5)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from providers.http.credential import Credential
from providers.spi.errors import SourceErrorCode
from providers.spi.query import Order, OrderField
from resolvers.contacts import ContactsQuestion, contacts
from resolvers.model.records import SliceRecord, SourceStatus
from resolvers.model.selection import Wanted
from resolvers.paging.arguments import PageArguments
from resolvers.request.operation import Operation
from resolvers.streams.sorted_here.snapshots import SNAPSHOTS, Snapshots
from tests.resolvers.pipelines.test_bucket_search import SEARCH, rows
from tests.support.made_rows import made_rows
from tests.support.world import TOKEN, World, ids

QUESTION = ContactsQuestion(PageArguments(first=5), orders=(Order(OrderField.CREATED_AT),))


async def test_a_snapshot_is_never_shared_between_credentials() -> None:
    world = World({"tether": made_rows("tether", 30)}, cache_ttl=60.0)
    for credential, expected in ((TOKEN, True), ("somebody else's", False)):
        operation = Operation(world.sources, credentials={"tether": Credential(credential)})
        outcome = await contacts(operation, QUESTION, Wanted())
        assert (outcome.connection is not None) is expected


async def test_what_is_said_of_a_list_is_said_again_of_its_snapshot() -> None:
    # Tether's search sees the stages of its active pipeline alone.
    world = World({"tether": rows(60)}, cache_ttl=60.0)
    orders = (Order(OrderField.CREATED_AT),)
    page = await world.connection(first=5, search=SEARCH, orders=orders)
    calls = world.calls("tether")
    again = await world.connection(first=5, search=SEARCH, orders=orders)
    after = page.page_info.end_cursor
    following = await world.connection(first=5, after=after, search=SEARCH, orders=orders)
    assert world.calls("tether") == calls
    first = page.sources[0]
    for later in (again, following):
        part = later.sources[0]
        assert [warning.code for warning in part.warnings] == [SourceErrorCode.SEARCH_INCOMPLETE]
        assert (later.total_count, part.status, part.stale, part.fetched_at) == (None, *_how(first))
        assert part.fetched_at is not None


def _how(part: SliceRecord) -> tuple[SourceStatus, bool, datetime | None]:
    return part.status, part.stale, part.fetched_at


def test_snapshots_are_bounded_in_number_and_in_records() -> None:
    kept = Snapshots()
    for number in range(100):
        kept.put(number, 10, number)
    assert sum(kept.get(number, 60.0) is not None for number in range(100)) == 64
    assert kept.get(99, 60.0) == 99
    kept.put("large", 200_000, "large")
    assert kept.get("large", 60.0) == "large"
    assert kept.get(99, 60.0) is None


def test_an_old_snapshot_is_none() -> None:
    kept = Snapshots()
    kept.put("key", 1, "value")
    assert kept.get("key", -1.0) is None


@pytest.mark.parametrize(
    ("count", "later", "headers", "given"),
    [
        (90, 100.0, {}, True),
        (150, 100.0, {}, True),
        (150, 200.0, {}, False),
        (150, 100.0, {"cache-control": "must-revalidate"}, False),
        (150, 100.0, {"cache-control": "no-store"}, False),
    ],
)
async def test_a_list_sorted_here_is_given_as_it_was_kept_while_its_source_fails(
    count: int, later: float, headers: dict[str, str], given: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1_000.0]
    monkeypatch.setattr("resolvers.streams.sorted_here.snapshots.monotonic", lambda: now[0])
    world = World({"autokonnect": made_rows("autokonnect", count)}, cache_ttl=60.0, stale_if_error=120.0)
    source = world.sources["autokonnect"]
    orders = (Order(OrderField.FIRST_NAME),)
    whole = ids(await world.walk([100], orders=orders))
    page = await world.connection(first=10, orders=orders)
    kept = SNAPSHOTS._lists[next(key for key in SNAPSHOTS._lists if isinstance(key, tuple) and source in key)][2]
    for response in kept.responses:
        response.headers = headers
    now[0] += later
    world.fakes["autokonnect"].switches.fail("status", times=99, status=503)
    questions: list[tuple[dict[str, Any], list[str]]] = [({"first": 10}, whole[:10]), ({"last": 10}, whole[-10:])]
    for arguments, expected in questions:
        outcome = await world.page(orders=orders, **arguments)
        if given:
            assert ids(outcome.connection.nodes) == expected
            (part,) = outcome.connection.sources
            assert (part.status, part.stale, part.warnings) == (SourceStatus.OK, True, [])
            assert part.fetched_at == page.sources[0].fetched_at
        else:
            assert outcome.connection is None or outcome.connection.nodes == []
            assert [failure.status for failure in outcome.failures] == [503]
