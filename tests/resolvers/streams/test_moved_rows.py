"""Contacts that are updated, and so move, while a list is walked through take no other with them (DESIGN.md 6)."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections import Counter
from typing import Any

import msgspec
import pytest

from providers.apis.fakes import Switches
from providers.spi.errors import SourceErrorCode
from providers.spi.query import Order, OrderField
from resolvers.cursors.codec import CursorCodec, Fingerprint
from tests.support.made_rows import Row, instant, made_rows
from tests.support.world import World, ids

UPDATED = {"tether": "updatedAt"}
CREATED = {"tether": "createdAt"}
# A source, its own order where nothing is asked for, and the order that is asked for.
LISTS: dict[str, tuple[str, str, tuple[Order, ...]]] = {
    "wacr, the oldest update first": ("wacr", "updated_desc", (Order(OrderField.UPDATED_AT),)),
    "wacr, the newest update first": ("wacr", "updated_desc", (Order(OrderField.UPDATED_AT, True),)),
    "askelephant, the oldest update first": ("askelephant", "updated_desc", (Order(OrderField.UPDATED_AT),)),
    "askelephant, the newest update first": ("askelephant", "updated_desc", (Order(OrderField.UPDATED_AT, True),)),
    "askelephant's own order": ("askelephant", "updated_desc", ()),
    "tether's own order": ("tether", "updated_desc", ()),
    "autokonnect's own order": ("autokonnect", "updated_desc", ()),
    "wacr by creation": ("wacr", "created_desc", (Order(OrderField.CREATED_AT),)),
    "tether sorted here by update": ("tether", "updated_desc", (Order(OrderField.UPDATED_AT),)),
    "tether sorted here, all names equal": ("tether", "updated_desc", (Order(OrderField.FIRST_NAME),)),
    "autokonnect sorted here by update": ("autokonnect", "created_desc", (Order(OrderField.UPDATED_AT, True),)),
    "autokonnect sorted here, all names equal": ("autokonnect", "updated_desc", (Order(OrderField.FIRST_NAME),)),
    "runs of equal updates": ("wacr", "updated_desc", (Order(OrderField.UPDATED_AT), Order(OrderField.FIRST_NAME))),
}


class Touched:
    """One list of 99 contacts whose contacts are updated between two pages."""

    def __init__(self, name: str, count: int = 99) -> None:
        provider, own, self.orders = LISTS[name]
        self.provider = provider
        rows: list[Row] = []
        for number, row in enumerate(made_rows(provider, count)):
            changes: Row = {UPDATED.get(provider, "updated_at"): instant(number)}
            changes[CREATED.get(provider, "created_at")] = instant(500 - number)
            changes |= {key: "Ana" for key in ("firstName", "firstname", "first_name") if key in row}
            rows.append({**row, **changes})
        self.world = World({provider: rows}, switches={provider: Switches(default_order=own)})  # type: ignore[arg-type]
        self.touched: set[str] = set()
        self._now = 10_000

    def touch(self, names: list[str]) -> None:
        for name in names:
            self._now += 1
            key = UPDATED.get(self.provider, "updated_at")
            self.world.fakes[self.provider].store.update(name.partition(":")[2], {key: instant(self._now)})
            self.touched.add(name)

    async def walk(self, size: int, count: int, *, forward: bool, turns: int) -> tuple[list[str], bool]:
        """Returns what was met, in order, with `count` of each page's last contacts updated before the next one, and
        whether a page said that the list moved."""
        seen: list[str] = []
        cursor: str | None = None
        said = False
        for turn in range(1_000):
            arguments: dict[str, Any] = (
                {"first": size, "after": cursor} if forward else {"last": size, "before": cursor}
            )
            page = await self.world.connection(orders=self.orders, **arguments)
            codes = {warning.code for warning in page.sources[0].warnings}
            assert codes <= {SourceErrorCode.PAGE_DRIFT}
            said = said or bool(codes)
            seen = seen + ids(page.nodes) if forward else ids(page.nodes) + seen
            info = page.page_info
            if not (info.has_next_page if forward else info.has_previous_page):
                return seen, said
            cursor = info.end_cursor if forward else info.start_cursor
            if turn < turns:
                self.touch(seen[-count:] if forward else seen[:count])
        raise AssertionError("the walk never ends")


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("count", range(1, 9))
async def test_who_was_not_updated_comes_once(name: str, count: int, forward: bool) -> None:
    for size, turns in ((20, 1), ((3, 10, 20, 60)[count % 4], 3)):
        touched = Touched(name)
        whole = ids(await touched.world.walk([100], orders=touched.orders))
        seen, said = await touched.walk(size, count, forward=forward, turns=turns)
        counted = Counter(seen)
        stayed = [each for each in whole if each not in touched.touched]
        assert [each for each in stayed if not counted[each]] == [], (size, turns)
        if count < 8 or not said:
            # With all eight that a place is known by it may be uncertain, and is said.
            assert [each for each in seen if each not in touched.touched] == stayed, (size, turns)


@pytest.mark.parametrize(("largest", "size", "behind"), [(7, 7, 5), (7, 21, 1), (20, 7, 6), (20, 35, 5), (100, 49, 5)])
async def test_the_last_record_is_found_though_many_came_in_right_in_front_of_it(
    largest: int, size: int, behind: int
) -> None:
    # Of 37 contacts 27 come in among those that the place is known by, ten at the list's end.
    rows = [
        {**row, "created_at": instant(5_000 - 20 * number)} for number, row in enumerate(made_rows("autokonnect", 99))
    ]
    switches = {"autokonnect": Switches(default_order="created_desc")}
    world = World({"autokonnect": rows}, switches=switches, max_page_size=largest)
    whole = ids(await world.walk([99]))
    page = await world.connection(first=size)
    for number, row in enumerate(made_rows("autokonnect", 37, seed=3, start=5_000)):
        hour = 5_000 - 20 * (size - behind) + 5 if number < 27 else 10
        world.fakes["autokonnect"].store.insert({**row, "created_at": instant(hour)})
    following = await world.connection(first=7, after=page.page_info.end_cursor)
    assert ids(following.nodes) == whole[size : size + 7]
    assert following.sources[0].warnings == []


@pytest.mark.parametrize(
    "name", ["wacr, the oldest update first", "tether's own order", "tether sorted here by update"]
)
async def test_a_cursor_without_what_this_version_adds_goes_on(name: str) -> None:
    touched = Touched(name)
    whole = ids(await touched.world.walk([100], orders=touched.orders))
    page = await touched.world.connection(first=20, orders=touched.orders)
    codec = CursorCodec()
    cursor = str(page.page_info.end_cursor)
    raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    sources, question, own, places = msgspec.msgpack.decode(raw[1:-4])
    (place,) = places
    kept = {1: 7, 4: 6}[place[2][0]]
    assert len(place[2]) > kept
    place[2] = place[2][:kept]
    old = codec.encode(Fingerprint(sources, question), own, [place])
    following = await touched.world.connection(first=20, after=old, orders=touched.orders)
    assert ids(following.nodes) == whole[20:40]
    assert following.sources[0].warnings == []
