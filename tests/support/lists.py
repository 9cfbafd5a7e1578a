"""The one list that all paging must equal, made without the engine: every source asked for everything, then sorted."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from datetime import datetime

from providers.spi.capabilities import Paging
from providers.spi.page import Page
from providers.spi.provider import PageNumber, Token
from providers.spi.query import ListQuery, Order, OrderField
from providers.spi.record import ContactRecord
from tests.support.world import World, ids

Holds = Callable[[ContactRecord], bool]


async def source_list(world: World, name: str, query: ListQuery = ListQuery()) -> list[ContactRecord]:
    """Returns all that a source answers to a query, in its own order, page after page of the same size."""
    source = world.sources[name]
    provider = source.provider
    operation = world.operation()
    found: list[ContactRecord] = []
    token: str | None = None
    for number in range(1, 1_000):
        cursor = provider.capabilities.paging is Paging.CURSOR
        at = Token(token, 50) if cursor else PageNumber(number, 50)
        answer: tuple[Page, object] = await operation.ask(
            source, provider.contacts_request(query, at), provider.contacts_page
        )
        page = answer[0]
        found += [record for record in page.records if record is not None]
        token = page.next_token
        if (not page.has_more) if cursor else len(found) >= (page.total or 0):
            return found
    raise AssertionError(f"{name} never ends")


async def one_list(
    world: World,
    orders: tuple[Order, ...] = (),
    *,
    sources: Sequence[str] | None = None,
    search: str | None = None,
    holds: Holds = lambda record: True,
) -> list[str]:
    """Returns the ids of the whole federated list in its order (DESIGN.md 5)."""
    lists: list[list[ContactRecord]] = []
    for name in [name for name in world.sources if sources is None or name in sources]:
        capabilities = world.sources[name].provider.capabilities
        own = capabilities.default_order is not None and orders and orders[0].field is OrderField.UPDATED_AT
        # A cursor source's ties are its own in the order that is pushed; the others' own order is their plain one.
        query = ListQuery(search=search, orders=orders[:1] if own else ())
        lists.append([record for record in await source_list(world, name, query) if holds(record)])
    if orders:
        return ids(sorted_by([record for records in lists for record in records], orders))
    longest = max((len(records) for records in lists), default=0)
    return ids([records[rank] for rank in range(longest) for records in lists if rank < len(records)])


def sorted_by(records: list[ContactRecord], orders: tuple[Order, ...]) -> list[ContactRecord]:
    """Returns the records sorted, the missing last in both directions, ties as they stand (DESIGN.md 5)."""
    for order in reversed(orders):
        present = [record for record in records if _value(record, order.field) is not None]
        missing = [record for record in records if _value(record, order.field) is None]
        present.sort(key=lambda record: _value(record, order.field), reverse=order.descending)  # type: ignore[arg-type,return-value]
        records = present + missing
    return records


def _value(record: ContactRecord, field: OrderField) -> datetime | str | None:
    if field is OrderField.CREATED_AT:
        return record.created_at
    if field is OrderField.UPDATED_AT:
        return record.updated_at
    name = record.first_name if field is OrderField.FIRST_NAME else record.last_name
    return None if name is None else unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
