"""`contactgraph check`: does every source answer one small question (DESIGN.md 2)?"""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import Literal

import msgspec

from gql.configuration import Configuration
from providers.capabilities import Paging
from providers.errors import SourceError
from providers.provider import PageNumber, Token
from providers.query import ListQuery
from providers.source import Source, open_sources
from resolvers.operation import Operation

__all__ = ["CheckedSource", "check_sources"]


class CheckedSource(msgspec.Struct, frozen=True):
    """How a source answered. `words` name the remedy when it did not; `milliseconds` are the call's."""

    name: str
    provider: str
    result: Literal["works", "fails", "not asked"]
    words: str
    milliseconds: float | None = None


async def check_sources(configuration: Configuration) -> list[CheckedSource]:
    """Returns how every source answers a question for one contact; all are asked at once.

    Those with token_header are not asked: only a caller has their credential.
    """
    sources = open_sources(configuration.sources, configuration.environment)
    try:
        return await asyncio.gather(*(_check(source) for source in sources))
    finally:
        for source in sources:
            await source.aclose()


async def _check(source: Source) -> CheckedSource:
    name, settings, provider = source.name, source.settings, source.provider
    if settings.token_header is not None:
        return CheckedSource(
            name, settings.provider, "not asked", f"needs a caller: its credential comes in {settings.token_header}"
        )
    at = PageNumber(1, 1) if provider.capabilities.paging is Paging.PAGE_NUMBER else Token(None, 1)
    began = perf_counter()
    try:
        operation = Operation({name: source}, fresh=True)
        page, _ = await operation.ask(source, provider.contacts_request(ListQuery(), at), provider.contacts_page)
    except SourceError as error:
        status = f" (HTTP {error.status})" if error.status is not None else ""
        return CheckedSource(name, settings.provider, "fails", f"{error.code}: {error.message}{status}")
    milliseconds = (perf_counter() - began) * 1000
    total = getattr(page, "total", None)
    words = f"{total:,} contacts" if total is not None else f"{len(page.records)} contact read"
    return CheckedSource(name, settings.provider, "works", words, milliseconds)
