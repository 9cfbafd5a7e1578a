"""Which cursors of a page are written: those that are selected, and equal whatever else is."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from providers.spi.query import Condition, Operator, Order, OrderField
from resolvers.cursors.codec import CursorCodec
from resolvers.model.selection import Wanted
from tests.support.world import World

# AskElephant's fake writes the number of the call into its page tokens: equal questions have cursors of their own.
ROWS = {"tether": 37, "wacr": 29, "autokonnect": 23}
ORDERS: list[tuple[Order, ...]] = [(), (Order(OrderField.UPDATED_AT, True),)]
EDGES_ALONE = Wanted(page_info=False, total=False, slices=False)
ENDS_ALONE = Wanted(cursors=False, total=False, slices=False)
NODES_ALONE = Wanted(cursors=False, page_info=False, total=False, slices=False)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every cursor that is written."""
    cursors: list[str] = []
    encode = CursorCodec.encode

    def counted(self: CursorCodec, *arguments: Any) -> str:
        cursors.append(encode(self, *arguments))
        return cursors[-1]

    monkeypatch.setattr(CursorCodec, "encode", counted)
    return cursors


@pytest.mark.parametrize("orders", ORDERS)
@pytest.mark.parametrize("size", ["first", "last"])
async def test_the_ends_are_those_of_the_edges_when_no_edge_has_its_cursor_selected(
    size: str, orders: tuple[Order, ...], written: list[str]
) -> None:
    world = World(ROWS)
    arguments: dict[str, Any] = {size: 40, "orders": orders}
    whole = await world.connection(**arguments)
    info = whole.page_info
    assert len(set(whole.cursors)) == 40
    assert (info.start_cursor, info.end_cursor) == (whole.cursors[0], whole.cursors[-1])
    assert written == whole.cursors

    written.clear()
    ends = await world.connection(ENDS_ALONE, **arguments)
    assert structs.astuple(ends.page_info) == structs.astuple(info)
    assert written == [info.start_cursor, info.end_cursor]
    assert ends.cursors == [""] * 40

    written.clear()
    assert (await world.connection(EDGES_ALONE, **arguments)).cursors == whole.cursors
    assert written == whole.cursors

    written.clear()
    assert len((await world.connection(NODES_ALONE, **arguments)).nodes) == 40
    assert written == []


@pytest.mark.parametrize("size", ["first", "last"])
async def test_a_place_beyond_the_edges_is_written_in_the_place_of_one_end_and_only_when_selected(
    size: str, written: list[str]
) -> None:
    world = World({"autokonnect": 400}, scan_limit=100)
    arguments: dict[str, Any] = {size: 50, "filter": Condition("firstName", Operator.CONTAINS, "an")}
    whole = (await world.page(**arguments)).connection
    info = whole.page_info
    assert 1 < len(whole.cursors) < 50
    reached, edge = (info.end_cursor, info.start_cursor) if size == "first" else (info.start_cursor, info.end_cursor)
    assert reached not in whole.cursors
    assert edge == whole.cursors[0 if size == "first" else -1]

    written.clear()
    ends = (await world.page(ENDS_ALONE, **arguments)).connection
    assert structs.astuple(ends.page_info) == structs.astuple(info)
    assert sorted(written) == sorted([info.start_cursor, info.end_cursor])

    written.clear()
    assert (await world.page(EDGES_ALONE, **arguments)).connection.cursors == whole.cursors
    assert written == whole.cursors
