"""`contactgraph check`: does every source answer one small question (DESIGN.md 2)?"""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import Literal

import msgspec

from gql.configuration.file import Configuration
from providers.open_sources import open_sources
from providers.source import Source
from providers.spi.errors import SourceError
from resolvers.sources import one_contact

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
    name, settings = source.name, source.settings
    if settings.token_header is not None:
        return CheckedSource(
            name, settings.provider, "not asked", f"needs a caller: its credential comes in {settings.token_header}"
        )
    began = perf_counter()
    try:
        page = await one_contact(source)
    except SourceError as error:
        status = f" (HTTP {error.status})" if error.status is not None else ""
        return CheckedSource(name, settings.provider, "fails", f"{error.code}: {error.message}{status}")
    milliseconds = (perf_counter() - began) * 1000
    words = f"{page.total:,} contacts" if page.total is not None else f"{len(page.records)} contact read"
    return CheckedSource(name, settings.provider, "works", words, milliseconds)
