"""The configured sources as clients see them: what each can do, how it fares, and what only its contacts have."""

from __future__ import annotations

from typing import Any

import msgspec

from providers.capabilities import Capabilities
from providers.health import SourceHealth
from providers.record import ContactRecord, SourceRecord
from resolvers.operation import Operation


def source(operation: Operation, name: str) -> SourceRecord | None:
    """Returns the source of this name, None when there is none or the caller may not see it."""
    found = operation.sources.get(name)
    return None if found is None else found.record


def sources(operation: Operation) -> list[SourceRecord]:
    """Returns the sources that the caller may see, in configuration order."""
    return [found.record for found in operation.sources.values()]


def capabilities(operation: Operation, source: SourceRecord) -> Capabilities:
    """Returns the provider's table, with the largest page that this source is really asked for."""
    found = operation.sources[source.name]
    return msgspec.structs.replace(found.provider.capabilities, max_page_size=found.max_page_size)


def health(operation: Operation, source: SourceRecord) -> SourceHealth:
    """Returns how the source has been doing, as this process saw it."""
    return operation.sources[source.name].health


def details(operation: Operation, contact: ContactRecord) -> Any:
    """Returns what only the contact's provider has: an instance of that provider's details struct."""
    return operation.sources[contact.source.name].provider.details(contact)
