"""A page of a hundred contacts of every provider, as its fake answers: what the micro benchmarks stand on."""

from __future__ import annotations

import asyncio

import httpx

from providers.apis.fakes import DEMO_CREDENTIAL, FAKES
from providers.registry import PROVIDERS
from providers.settings import SourceSettings
from providers.source import Credential, Source
from providers.spi.capabilities import Paging
from providers.spi.provider import PageAt, PageNumber, Token
from providers.spi.query import ListQuery
from providers.spi.record import ContactRecord, SourceRecord, global_id
from providers.spi.request import Response

ROWS = 100
NAMES = tuple(FAKES)
CREDENTIAL_VARIABLE = "BENCH_TOKEN"


def source(name: str) -> Source:
    """Returns a source over the provider's fake with ROWS contacts, in this process and without a cache."""
    settings = SourceSettings(
        name=name, provider=name, base_url="http://fake.invalid", token_env=CREDENTIAL_VARIABLE, cache_ttl=0
    )
    return Source(
        settings,
        PROVIDERS[name](settings),
        SourceRecord(global_id("Source", name, name), name, name),
        httpx.ASGITransport(app=FAKES[name](ROWS)),
        credential=Credential(DEMO_CREDENTIAL),
    )


def answer(asked: Source, parts: frozenset[str] = frozenset()) -> Response:
    """Returns the source's answer to the question for its first ROWS contacts. `parts`: as in ListQuery."""
    by_token = asked.provider.capabilities.paging is Paging.CURSOR
    at: PageAt = Token(None, ROWS) if by_token else PageNumber(1, ROWS)
    request = asked.provider.contacts_request(ListQuery(parts=parts), at)
    return asyncio.run(asked.send(request, None, deadline=None))


def contacts(asked: Source) -> list[ContactRecord]:
    """Returns the source's first ROWS contacts."""
    page = asked.provider.contacts_page(answer(asked), asked.record)
    return [record for record in page.records if record is not None]
