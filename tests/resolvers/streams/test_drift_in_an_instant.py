"""A place in a cursor list among records of one instant is found again when its records go (DESIGN.md 6, "Drift")."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

import pytest

from providers.apis.fakes import Switches
from providers.spi.query import Order, OrderField
from providers.spi.record import ContactRecord
from resolvers.model.records import ContactConnectionRecord, SourceStatus
from tests.support.made_rows import instant, made_rows
from tests.support.world import World, ids

Cursors: TypeAlias = Literal["keyset", "id", "offset"]

# Read backward by time as well, not as a whole.
ORDERS = (Order(OrderField.UPDATED_AT, True),)

all_cursors = pytest.mark.parametrize("cursors", ["keyset", "id", "offset"])


def three_instants(cursors: Cursors) -> World:
    """Ninety records, thirty an instant."""
    rows = [{**row, "updated_at": instant(number // 30 * 5)} for number, row in enumerate(made_rows("askelephant", 90))]
    return World({"askelephant": rows}, switches={"askelephant": Switches(cursors=cursors)})


def delete(world: World, records: Iterable[ContactRecord]) -> None:
    for record in records:
        world.fakes["askelephant"].store.delete(record.native_id)


def fine(page: ContactConnectionRecord) -> list[str]:
    """The contacts of a page that nothing is wrong with."""
    assert (page.sources[0].status, page.sources[0].warnings) == (SourceStatus.OK, [])
    return ids(page.nodes)


@all_cursors
@pytest.mark.parametrize("met", [1, 3, 7])
async def test_when_all_that_was_met_of_an_instant_goes_the_rest_of_it_follows(cursors: Cursors, met: int) -> None:
    world = three_instants(cursors)
    whole = ids(await world.walk([100], orders=ORDERS))
    page = await world.connection(first=30 + met, orders=ORDERS)
    delete(world, page.nodes[30:])
    assert (
        fine(await world.connection(first=10, after=page.page_info.end_cursor, orders=ORDERS))
        == whole[30 + met : 40 + met]
    )


@all_cursors
async def test_the_rest_of_an_instant_follows_page_by_page_when_each_last_record_goes(cursors: Cursors) -> None:
    world = three_instants(cursors)
    whole = ids(await world.walk([100], orders=ORDERS))
    page = await world.connection(first=31, orders=ORDERS)
    seen = ids(page.nodes)
    for _ in range(6):
        delete(world, page.nodes[-1:])
        page = await world.connection(first=1, after=page.page_info.end_cursor, orders=ORDERS)
        seen += fine(page)
    assert seen == whole[:37]


@all_cursors
@pytest.mark.parametrize("back", [50, 35, 31])
async def test_backward_the_records_met_of_an_instant_tell_where_it_goes_on(cursors: Cursors, back: int) -> None:
    world = three_instants(cursors)
    records = await world.walk([100], orders=ORDERS)
    whole = ids(records)
    page = await world.connection(last=back, orders=ORDERS)
    delete(world, records[90 - back - 3 : 90 - back])
    previous = await world.connection(last=6, before=page.page_info.start_cursor, orders=ORDERS)
    assert fine(previous) == whole[90 - back - 9 : 90 - back - 3]


@all_cursors
async def test_backward_an_instant_of_which_all_the_nearest_were_met_and_went_goes_on_in_front_of_them(
    cursors: Cursors,
) -> None:
    world = three_instants(cursors)
    records = await world.walk([100], orders=ORDERS)
    whole = ids(records)
    page = await world.connection(last=34, orders=ORDERS)
    # The front row of the page, the one that reading would have begun with, and all but one of those behind them.
    delete(world, [*records[55:59], records[59]])
    previous = await world.connection(last=6, before=page.page_info.start_cursor, orders=ORDERS)
    assert fine(previous) == whole[49:55]


@all_cursors
async def test_forward_from_a_page_that_was_read_backward_nothing_is_met_again(cursors: Cursors) -> None:
    world = three_instants(cursors)
    records = await world.walk([100], orders=ORDERS)
    whole = ids(records)
    page = await world.connection(last=50, orders=ORDERS)
    delete(world, records[30:41])
    following = await world.connection(first=6, after=page.page_info.start_cursor, orders=ORDERS)
    assert fine(following) == whole[41:47]
