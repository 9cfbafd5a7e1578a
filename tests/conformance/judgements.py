"""What a capability table claims beside filters, held against what the source does.

Each judgement returns when the provider keeps its word and raises NotAsDeclared when it does not, so that a lying
table can be seen to fail (test_lies.py).
"""

from __future__ import annotations

from itertools import pairwise, permutations

from providers.spi.capabilities import Paging
from providers.spi.errors import SourceBadRequest
from providers.spi.provider import PageNumber, Pipeline
from providers.spi.query import ListQuery, Order
from providers.spi.record import ContactRecord
from resolvers.planning.sort_keys import compare, key
from tests.conformance.subject import EVERYTHING, NotAsDeclared, Subject, distinct
from tests.support.world import ids


async def judge_paging(subject: Subject) -> None:
    """Pages of any size are the whole list, each contact once, and are no larger than asked."""
    whole = (await subject.listing()).records
    subject.insist(distinct(whole), "a contact came twice")
    subject.insist({record.native_id for record in whole} == set(subject.fake.store.ids), "not every contact came")
    for size in (1, 7, 25):
        listing = await subject.listing(size=size)
        subject.insist(ids(listing.records) == ids(whole), f"pages of {size} are another list")
        sizes = [len(page.records) for page in listing.pages]
        subject.insist(all(count == size for count in sizes[:-1]), f"a page of {size} has another size: {sizes}")


async def judge_paging_style(subject: Subject) -> None:
    """A cursor source gives cursors and a page-number source none."""
    page = await subject.page(ListQuery(), subject.first(10))
    cursor = subject.capabilities.paging is Paging.CURSOR
    subject.insist((page.next_token is not None) is cursor, "its first page of several has a cursor, or has none")


async def judge_total(subject: Subject) -> None:
    """A declared total is the list's length on every page; without one there is none."""
    expected = len(subject.fake.store) if subject.capabilities.total else None
    for page in (await subject.listing(size=25)).pages:
        subject.insist(page.total == expected, f"expected the total {expected}, a page says {page.total}")


async def judge_page_size(subject: Subject) -> None:
    """A page of the documented largest size comes full."""
    largest = subject.capabilities.max_page_size
    if largest is None:
        return
    try:
        page = await subject.page(ListQuery(), subject.first(largest))
    except SourceBadRequest as error:
        raise NotAsDeclared(f"a page of {largest} is refused ({error.status})") from error
    expected = min(largest, len(subject.fake.store))
    subject.insist(len(page.records) == expected, f"a page of {largest} has {len(page.records)} contacts")


async def judge_lookup(subject: Subject) -> None:
    """Known ids are found as the list shows them, unknown and nonsensical ones are not; else there is no look-up."""
    records = (await subject.listing()).records
    if not subject.capabilities.lookup:
        subject.insist(_not_offered(lambda: subject.provider.contact_request("1", frozenset())), "has a look-up")
        return
    for record in records[:: len(records) // 5]:
        found = await look_up(subject, record.native_id)
        subject.insist(found is not None and _same(found, record), f"{record.native_id} was not found as listed")
    for nonsense in ("999999999999", "", ".", "..", "a/b", "?", "%2e%2e", "1 OR 1=1", "é", "x" * 300):
        subject.insist(await look_up(subject, nonsense) is None, f"found something as {nonsense[:20]!r}")


async def look_up(subject: Subject, native_id: str) -> ContactRecord | None:
    """Returns the contact, None when there is none."""
    try:
        request = subject.provider.contact_request(native_id, EVERYTHING)
    except NotImplementedError as error:
        raise NotAsDeclared(f"{subject.name}: {error}") from error
    if request is None:
        return None
    try:
        found: tuple[ContactRecord, object] = await subject.world.operation().ask(
            subject.source, request, subject.provider.contact
        )
    except SourceBadRequest as error:
        subject.insist(error.status == 404, f"an unknown id is {error.status}")
        return None
    return found[0]


async def judge_orders(subject: Subject) -> None:
    """Each declared order sorts as `resolvers.planning.sort_keys` says, missing values apart.

    Several do when `multi_key`.
    """
    whole = (await subject.listing()).records
    fields = [row.field for row in subject.capabilities.orders]
    questions = [(Order(field, descending),) for field in fields for descending in (False, True)]
    asked: list[tuple[Order, ...]] = list(questions)
    if subject.capabilities.multi_key:
        asked += [(a, b) for (a,), (b,) in permutations(questions, 2) if a.field is not b.field]
    for orders in asked:
        records = (await subject.listing(ListQuery(orders=orders), size=25)).records
        subject.insist(sorted(ids(records)) == sorted(ids(whole)), f"{orders}: not every contact once")
        judge_sorted(subject, records, orders)


def judge_sorted(subject: Subject, records: list[ContactRecord], orders: tuple[Order, ...]) -> None:
    """The contacts that have all the keys are in order."""
    keys = [found for found in (key(record, orders) for record in records) if None not in found]
    subject.insist(len(keys) > 1, f"{orders}: no contacts to judge by")
    subject.insist(all(compare(a, b, orders) <= 0 for a, b in pairwise(keys)), f"{orders}: not sorted so")


async def judge_default_order(subject: Subject) -> None:
    """What a list is said to be sorted by when no order is asked for."""
    declared = subject.capabilities.default_order
    if declared is not None:
        judge_sorted(subject, (await subject.listing()).records, (Order(*declared),))


async def judge_search(subject: Subject) -> None:
    """A search that covers e-mail addresses or phone numbers finds contacts by them, as far as it says it does."""
    records = (await subject.listing()).records
    covered = subject.capabilities
    addresses = [(record, record.email) for record in records if record.email] if covered.email_search else []
    numbers = [(record, record.phone) for record in records if record.phone] if covered.phone_search else []
    for cases in (addresses, numbers):
        found = [record for record, text in cases[:12] if record.native_id in await _searched(subject, text)]
        placed = [record for record, _ in cases[:12] if not covered.buckets or record.stage_ref is not None]
        subject.insist(bool(found) or not cases, "a search by what it covers finds nobody")
        # Tether's search leaves out contacts outside its pipeline (DESIGN.md 7); the others leave out nobody.
        missed = [record for record in placed if record not in found]
        subject.insist(covered.buckets or not missed, f"not found by what the search covers: {ids(missed)}")


async def _searched(subject: Subject, text: str) -> set[str]:
    connection = await subject.world.connection(first=100, search=text)
    return {record.native_id for record in connection.nodes}


async def judge_tags(subject: Subject) -> None:
    """Declared tags can be listed, and the contacts of each asked for; else there is no list of tags."""
    provider = subject.provider
    if not subject.capabilities.tags:
        subject.insist(_not_offered(lambda: provider.tags_request(PageNumber(1, 10), None)), "has tags")
        return
    try:
        page, _ = await subject.world.operation().ask(
            subject.source, provider.tags_request(PageNumber(1, 50), None), provider.tags_page
        )
    except NotImplementedError as error:
        raise NotAsDeclared(f"{subject.name}: {error}") from error
    everyone = (await subject.listing()).records
    used = {tag.native_id for record in everyone for tag in record.tags}
    listed = {tag.native_id: tag for tag in page.records if tag is not None}
    subject.insist(bool(used) and used <= set(listed), "a contact's tag is not in the list of tags")
    for native_id in sorted(used):
        conditions, search = provider.tag_query(native_id, listed[native_id].name)
        taken = provider.push_down(conditions, search).taken
        found = (await subject.listing(ListQuery(taken, search, parts=EVERYTHING))).records
        carrying = [record for record in everyone if native_id in {tag.native_id for tag in record.tags}]
        subject.insist(set(ids(carrying)) <= set(ids(found)), f"not all contacts of the tag {native_id} are found")


async def judge_users(subject: Subject) -> None:
    """Declared users can be listed and are those whom contacts name; else there is no list of users."""
    provider = subject.provider
    if not subject.capabilities.users:
        subject.insist(_not_offered(provider.users_request), "has users")
        return
    try:
        users, _ = await subject.world.operation().ask(subject.source, provider.users_request(), provider.users)
    except NotImplementedError as error:
        raise NotAsDeclared(f"{subject.name}: {error}") from error
    owners = {record.owner_ref.native_id for record in (await subject.listing()).records if record.owner_ref}
    subject.insist(bool(owners) and owners <= {user.native_id for user in users}, "an owner is no listed user")


async def judge_buckets(subject: Subject) -> None:
    """Declared buckets give every stage its contacts in one call; else there are none."""
    provider = subject.provider
    if not subject.capabilities.buckets:
        refused = _not_offered(lambda: provider.buckets_request(ListQuery(), {}, 5, Pipeline()))
        subject.insist(refused and not provider.needs_buckets(ListQuery(search="x")), "has buckets")
        return
    operation = subject.world.operation()
    try:
        request = provider.buckets_request(ListQuery(), {}, 5, Pipeline())
    except NotImplementedError as error:
        raise NotAsDeclared(f"{subject.name}: {error}") from error
    answer, _ = await operation.ask(subject.source, request, provider.buckets_page)
    subject.insist(len(answer.buckets) > 1, "one call does not give the stages")
    for bucket in answer.buckets:
        count = len(bucket.records)
        subject.insist(bucket.total is not None and count == min(5, bucket.total), f"stage {bucket.key}: {count} rows")


def _not_offered(ask: object) -> bool:
    try:
        ask()  # type: ignore[operator]
    except NotImplementedError:
        return True
    return False


def _same(found: ContactRecord, listed: ContactRecord) -> bool:
    names = ("id", "first_name", "last_name", "emails", "phones", "company", "status", "created_at", "updated_at")
    return all(getattr(found, name) == getattr(listed, name) for name in names)
