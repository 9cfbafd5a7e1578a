"""Lists sorted here are kept for a short time: a cache that nobody else's credential opens (DESIGN.md 5)."""

from __future__ import annotations

from datetime import datetime

from providers.credential import Credential
from providers.errors import SourceErrorCode
from providers.query import Order, OrderField
from resolvers.connection import SliceRecord, SourceStatus
from resolvers.contacts import ContactsQuestion, contacts
from resolvers.operation import Operation
from resolvers.page_arguments import PageArguments
from resolvers.selection import Wanted
from resolvers.snapshots import Snapshots
from tests.made_rows import made_rows
from tests.test_bucket_search import SEARCH, rows
from tests.world import TOKEN, World

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
