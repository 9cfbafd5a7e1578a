"""A text whose words stand in different fields, as a first and a last name, and sources that match single fields."""

from __future__ import annotations

import pytest

from providers.spi.errors import SourceErrorCode
from providers.spi.query import Order, OrderField
from resolvers import tags
from resolvers.model.records import SliceRecord, SourceErrorPolicy, SourceStatus
from resolvers.model.selection import Wanted
from resolvers.paging.arguments import PageArguments
from tests.support.made_rows import Row, made_rows
from tests.support.world import World

SINGLE = ["wacr", "autokonnect"]
FIRST = {"askelephant": "first_name", "wacr": "firstname", "autokonnect": "first_name"}
LAST = {"askelephant": "last_name", "wacr": "lastname", "autokonnect": "last_name"}


def oscars(name: str, count: int = 30) -> list[Row]:
    return [{**row, FIRST[name]: "Oscar", LAST[name]: "Baker"} for row in made_rows(name, count)]


def codes(part: SliceRecord) -> list[SourceErrorCode]:
    return [warning.code for warning in part.warnings]


@pytest.mark.parametrize("orders", [(), (Order(OrderField.CREATED_AT),), (Order(OrderField.FIRST_NAME),)])
async def test_a_source_that_matches_single_fields_says_what_it_cannot_find(orders: tuple[Order, ...]) -> None:
    world = World({name: oscars(name) for name in FIRST}, cache_ttl=60.0)
    for _ in range(2):
        page = await world.connection(first=10, search="oscar baker", orders=orders)
        found = {part.source.name: codes(part) for part in page.sources}
        incomplete = [SourceErrorCode.SEARCH_INCOMPLETE]
        assert found == {"askelephant": [], "wacr": incomplete, "autokonnect": incomplete}
        assert {record.source.name for record in page.nodes} == {"askelephant"}
        assert page.total_count is None


@pytest.mark.parametrize("name", SINGLE)
async def test_it_is_said_of_every_page_and_of_the_total(name: str) -> None:
    company = {"wacr": {"firstname": "Oscar Baker"}, "autokonnect": {"first_name": "Oscar Baker"}}[name]
    world = World({name: [{**row, **company} for row in made_rows(name, 30)]})
    page = await world.connection(first=10, search="oscar baker")
    following = await world.connection(first=10, after=page.page_info.end_cursor, search="oscar baker")
    previous = await world.connection(last=10, search="oscar baker")
    counted = await world.connection(Wanted(contacts=False, cursors=False, page_info=False), search="oscar baker")
    for one in (page, following, previous, counted):
        (part,) = one.sources
        assert (part.status, codes(part)) == (SourceStatus.PARTIAL, [SourceErrorCode.SEARCH_INCOMPLETE])
        assert (one.total_count, part.total_count) == (None, None)
    assert [len(one.nodes) for one in (page, following, previous)] == [10, 10, 10]


@pytest.mark.parametrize("text", ["oscar", "  oscar ", "+254 712 345", "0712 345 678"])
async def test_one_word_and_a_number_are_found_in_single_fields(text: str) -> None:
    world = World({name: oscars(name) for name in SINGLE})
    page = await world.connection(first=10, search=text)
    assert [codes(part) for part in page.sources] == [[], []]


async def test_a_tag_of_two_words_is_no_search_of_the_callers() -> None:
    tag = {"id": "1", "name": "Early Bird"}
    world = World({"autokonnect": [{**row, "tags": [tag]} for row in made_rows("autokonnect", 5)]})
    (record, *_) = await world.walk([10])
    outcome = await tags.tag_contacts(
        world.operation(), record.tags[0], PageArguments(first=10), SourceErrorPolicy.PARTIAL, Wanted()
    )
    assert len(outcome.connection.nodes) == 5
    assert codes(outcome.connection.sources[0]) == []
