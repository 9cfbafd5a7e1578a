"""Paging in any sizes, forwards or backwards, equals one list (DESIGN.md 5 and 6)."""

from __future__ import annotations

import pytest

from providers.query import Order, OrderField
from tests.world import World, ids

ROWS = {"tether": 37, "askelephant": 41, "wacr": 29, "autokonnect": 23}
TOTAL = sum(ROWS.values())


@pytest.mark.parametrize("size", [1, 7, 25, 100])
async def test_walking_in_rank_order_gives_every_contact_once_and_in_one_order(size: int) -> None:
    world = World(ROWS)
    one = ids(await world.walk([100]))
    assert len(set(one)) == len(one) == TOTAL
    assert ids(await world.walk([size])) == one


@pytest.mark.parametrize("size", [1, 7, 25, 100])
async def test_walking_backward_in_rank_order_gives_the_same_list(size: int) -> None:
    world = World(ROWS)
    assert ids(await world.walk_back([size])) == ids(await world.walk([100]))


@pytest.mark.parametrize("field", list(OrderField))
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("size", [4, 25, 100])
async def test_walking_in_an_order_gives_one_list_both_ways(field: OrderField, descending: bool, size: int) -> None:
    world = World(ROWS)
    orders = (Order(field, descending),)
    one = ids(await world.walk([100], orders=orders))
    assert len(set(one)) == len(one) == TOTAL
    assert ids(await world.walk([size], orders=orders)) == one
    assert ids(await world.walk_back([size], orders=orders)) == one
