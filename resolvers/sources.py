"""The configured sources as clients see them: what each can do, how it fares, and what only its contacts have."""

from __future__ import annotations

from typing import Any

import msgspec

from providers.resilience.health import SourceHealth
from providers.source import Source
from providers.spi.capabilities import Paging, Strength
from providers.spi.page import Page
from providers.spi.provider import PageNumber, Token
from providers.spi.query import ListQuery, OrderField
from providers.spi.record import ContactRecord, SourceRecord
from resolvers.request.operation import Operation


def source(operation: Operation, name: str) -> SourceRecord | None:
    """Returns the source of this name, None when there is none or the caller may not see it."""
    found = operation.sources.get(name)
    return None if found is None else found.record


def sources(operation: Operation) -> list[SourceRecord]:
    """Returns the sources that the caller may see, in configuration order."""
    return [found.record for found in operation.sources.values()]


class FilterCapabilityRecord(msgspec.Struct, frozen=True):
    """A field that the source filters by, with the operators of one strength."""

    field: str
    operators: list[str]
    exact: bool


class OrderCapabilityRecord(msgspec.Struct, frozen=True):
    """A field that the source sorts by; `exact`: in our order."""

    field: OrderField
    exact: bool


class CapabilitiesRecord(msgspec.Struct, frozen=True):
    """The provider's capability table as clients see it."""

    filters: list[FilterCapabilityRecord]
    orders: list[OrderCapabilityRecord]
    search: str | None
    paging: Paging
    max_page_size: int
    total: bool
    lookup: bool
    backward: bool


def capabilities(source: Source) -> CapabilitiesRecord:
    """Returns what the source can do: the provider's table with what the source's settings change."""
    table, settings = source.provider.capabilities, source.settings
    operators: dict[tuple[str, bool], dict[str, None]] = {}
    for row in table.filters:
        grouped = operators.setdefault((row.field, row.strength is Strength.EXACT), {})
        grouped.update(dict.fromkeys(operator.value for operator in row.operators))
    return CapabilitiesRecord(
        filters=[FilterCapabilityRecord(field, list(names), exact) for (field, exact), names in operators.items()],
        orders=[
            OrderCapabilityRecord(row.field, row.field.is_date or settings.text_collation is not None)
            for row in table.orders
        ],
        search=table.search,
        paging=table.paging,
        max_page_size=source.max_page_size,
        total=table.total,
        lookup=table.lookup,
        backward=table.backward,
    )


async def one_contact(source: Source) -> Page:
    """Returns a page of one contact, asked for now and past the cache. Raises SourceError."""
    provider = source.provider
    at = PageNumber(1, 1) if provider.capabilities.paging is Paging.PAGE_NUMBER else Token(None, 1)
    operation = Operation({source.name: source}, fresh=True)
    page, _ = await operation.ask(source, provider.contacts_request(ListQuery(), at), provider.contacts_page)
    return page


def health(operation: Operation, source: SourceRecord) -> SourceHealth:
    """Returns how the source has been doing, as this process saw it."""
    return operation.sources[source.name].health


def details(operation: Operation, contact: ContactRecord) -> Any:
    """Returns what only the contact's provider has: an instance of that provider's details struct."""
    return operation.sources[contact.source.name].provider.details(contact)
