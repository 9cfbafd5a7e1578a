"""Cursors: opaque, checked, good on any worker; what is no cursor of the query is said so (DESIGN.md 6)."""

from __future__ import annotations

import base64
import re
from hashlib import blake2b
from typing import Any

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from providers.spi.query import Condition, Operator, Order, OrderField
from resolvers.contacts import ContactsQuestion, contacts
from resolvers.cursors.codec import VERSION, CursorCodec, fingerprint
from resolvers.model.errors import BadUserInput
from resolvers.model.records import ContactConnectionRecord, Outcome
from resolvers.model.selection import Wanted
from resolvers.paging.arguments import PageArguments
from resolvers.request.operation import Operation
from tests.support.lists import one_list
from tests.support.made_rows import made_rows
from tests.support.world import World, ids

NAMES = ["tether", "askelephant", "wacr", "autokonnect"]
ROWS = {name: made_rows(name, 40) for name in NAMES}


async def ask(world: World, key: bytes | None, page: PageArguments, **question: Any) -> Outcome:
    operation = Operation(world.sources, cursors=CursorCodec(key))
    return await contacts(operation, ContactsQuestion(page, **question), Wanted())


async def first_page(world: World, key: bytes | None = None, **question: Any) -> ContactConnectionRecord:
    outcome = await ask(world, key, PageArguments(first=10), **question)
    assert isinstance(outcome.connection, ContactConnectionRecord)
    return outcome.connection


@pytest.mark.parametrize("key", [None, b"a key"])
@pytest.mark.parametrize("orders", [(), (Order(OrderField.LAST_NAME),), (Order(OrderField.UPDATED_AT, True),)])
async def test_a_cursor_goes_on_at_another_worker(key: bytes | None, orders: tuple[Order, ...]) -> None:
    whole = await one_list(World(ROWS), orders)
    found: list[str] = []
    after: str | None = None
    while True:
        # Every page by a worker that has seen nothing yet.
        outcome = await ask(World(ROWS), key, PageArguments(first=27, after=after), orders=orders)
        found += ids(outcome.connection.nodes)
        after = outcome.connection.page_info.end_cursor
        if not outcome.connection.page_info.has_next_page:
            break
    assert found == whole


async def test_cursors_are_url_safe_and_hold_no_personal_data() -> None:
    page = await first_page(World(ROWS))
    for edge in page.edges:
        assert re.fullmatch(r"[A-Za-z0-9_-]+", edge.cursor)
        raw = base64.urlsafe_b64decode(edge.cursor + "=" * (-len(edge.cursor) % 4)).lower()
        for value in (edge.node.first_name, edge.node.last_name, *edge.node.emails, *edge.node.phones):
            if value is not None and len(value) > 2:
                assert value.lower().encode() not in raw


async def refused(world: World, cursor: str, key: bytes | None = None, **question: Any) -> str:
    with pytest.raises(BadUserInput) as raised:
        await ask(world, key, PageArguments(first=5, after=cursor), **question)
    assert raised.value.argument == "after"
    return str(raised.value)


async def test_a_cursor_of_another_query_is_refused() -> None:
    world = World(ROWS)
    cursor = (await first_page(world)).page_info.end_cursor
    assert cursor is not None
    for question in (
        {"search": "ana"},
        {"orders": (Order(OrderField.CREATED_AT),)},
        {"filter": Condition("firstName", Operator.EQ, "Ana")},
    ):
        assert "another query" in await refused(world, cursor, **question)


async def test_a_cursor_of_another_source_list_is_refused() -> None:
    world = World(ROWS)
    cursor = (await first_page(world)).page_info.end_cursor
    assert cursor is not None
    assert "another list of sources" in await refused(world, cursor, sources=("wacr", "tether"))


async def test_a_damaged_cursor_is_refused() -> None:
    world = World(ROWS)
    cursor = (await first_page(world)).page_info.end_cursor
    assert cursor is not None
    for place in range(4, len(cursor) - 1, 7):
        other = "A" if cursor[place] != "A" else "B"
        assert "damaged" in await refused(world, cursor[:place] + other + cursor[place + 1 :])


@pytest.mark.parametrize("text", ["", "x", "!!!!", "é", "AAAA", "YXJyYXljb25uZWN0aW9uOjE=", "null", " ", "\x00"])
async def test_what_is_no_cursor_is_refused(text: str) -> None:
    assert "cursor" in await refused(World(ROWS), text)


async def test_a_cursor_over_eight_kilobytes_is_refused() -> None:
    assert "8192" in await refused(World(ROWS), "A" * 8_193)


async def test_a_cursor_signed_with_another_key_is_refused() -> None:
    world = World(ROWS)
    cursor = (await first_page(world, b"one key")).page_info.end_cursor
    assert cursor is not None
    assert "damaged" in await refused(world, cursor, b"another key")
    assert "cursor" in await refused(world, cursor, None)


@pytest.mark.parametrize("keys", [(), (1,), (1, 2), (1, 2, 3), (None,)])
async def test_forged_sort_keys_do_no_harm(keys: tuple[int | None, ...]) -> None:
    orders = (Order(OrderField.UPDATED_AT, True),)
    local: tuple[Any, ...] = (40, False, (4, 5, "nobody", 7, [], keys))
    outcome = await ask(
        World(ROWS),
        None,
        PageArguments(first=5, after=forged(orders, 0, [local, NO_PLACE, NO_PLACE, local])),
        orders=orders,
    )
    assert len(outcome.connection.nodes) == 5


NO_PLACE = (0, False, None)
numbers = st.sampled_from([0, 1, 7, 39, 40, 41, 100, 10_000, 2**31, 2**53])
texts = st.sampled_from([None, "", "x", "cnt_1", "5003", "é" * 200])
hashes = st.lists(st.integers(0, 0xFFFF), max_size=7)
micros = st.sampled_from([None, 0, -62_135_596_799_000_000, 253_402_300_798_000_000, 2**58, 1_767_225_600_000_000])
starts = st.one_of(
    st.none(),
    st.tuples(st.just(1), numbers, texts, hashes, st.one_of(st.none(), numbers), hashes),
    st.tuples(st.just(2), texts, st.integers(1, 10_000), numbers, texts, hashes, micros, micros, texts),
    st.tuples(st.just(3), micros.map(lambda value: value or 0), texts, hashes),
)
marks = st.one_of(
    starts,
    st.tuples(st.just(4), numbers, texts, st.integers(0, 0xFFFF), hashes, st.lists(micros, max_size=3)),
    st.tuples(st.just(5), texts.map(lambda text: text or ""), numbers, texts, hashes, st.one_of(st.none(), numbers)),
    st.tuples(st.just(6), starts, texts, numbers, st.integers(0, 0xFFFF), hashes, st.lists(micros, max_size=2)),
)
places = st.tuples(numbers, st.booleans(), marks)
ORDERS: list[tuple[Order, ...]] = [
    (),
    (Order(OrderField.UPDATED_AT, True),),
    (Order(OrderField.CREATED_AT), Order(OrderField.FIRST_NAME)),
]


def forged(orders: tuple[Order, ...], own: int, content: list[Any]) -> str:
    """Returns a cursor with a right checksum over anything: what everybody can make where no key is configured."""
    mark = fingerprint("contacts", NAMES, (None, None, orders))
    body = VERSION + msgspec.msgpack.encode((mark.sources, mark.question, own, content))
    check = blake2b(body, key=b"", digest_size=4).digest()
    return base64.urlsafe_b64encode(body + check).rstrip(b"=").decode()


@given(
    orders=st.sampled_from(ORDERS),
    own=st.integers(-1, 3),
    content=st.lists(places, min_size=4, max_size=4),
    forward=st.booleans(),
)
@settings(max_examples=200, deadline=None, derandomize=True, phases=(Phase.generate,))
async def test_a_forged_position_is_refused_or_gives_a_harmless_page(
    orders: tuple[Order, ...], own: int, content: list[Any], forward: bool
) -> None:
    world = World(ROWS)
    cursor = forged(orders, own, content)
    page = PageArguments(first=5, after=cursor) if forward else PageArguments(last=5, before=cursor)
    try:
        outcome = await ask(world, None, page, orders=orders)
    except BadUserInput as error:
        told = str(error)
        assert told.startswith("after: a malformed cursor" if forward else "before: a malformed cursor")
        return
    assert len(outcome.connection.nodes) <= 5
    assert all(world.calls(name) <= 12 for name in NAMES)


@pytest.mark.parametrize("instants", [3, 400])
@pytest.mark.parametrize("provider", ["tether", "askelephant", "wacr", "autokonnect"])
async def test_a_cursor_behind_the_other_leaves_nothing_between_them(provider: str, instants: int) -> None:
    world = World({provider: made_rows(provider, 90, instants=instants)})
    edges = (await world.connection(first=90)).edges
    for low, high in ((89, 0), (40, 39), (40, 12), (15, 14), (70, 20)):
        between = {"after": edges[low].cursor, "before": edges[high].cursor}
        assert ids((await world.connection(first=100, **between)).nodes) == []
        assert ids((await world.connection(last=100, **between)).nodes) == []
