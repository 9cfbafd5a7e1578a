"""The gateway's HTTP application over fakes whose answers are changed on their way: totals, ids and tokens that lie."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx
from starlette.testclient import TestClient

from gql.configuration.file import Configuration
from gql.execution.gateway import Gateway
from gql.http.app import create_app
from gql.projection.executor import Projection
from gql.projection.records import registry
from gql.schema.schema import GRAPHQL_SCHEMA
from providers.apis.fakes import FAKES, FakeApp, Switches
from providers.cache.store import MemoryCache
from providers.http.credential import Credential
from providers.registry import PROVIDERS
from providers.settings import SourceSettings
from providers.source import Source
from providers.spi.record import SourceRecord, global_id

TOKEN = "a-token-of-the-tests"

Lie = Callable[[Any, int], Any]
"""Returns the answer in place of a decoded one, by the call's number."""
Error = Callable[[httpx.Request, int], int | None]
"""Returns the status to answer a request with instead, None for the answer itself."""


def change(answer: Any, names: tuple[str, ...], value: Callable[[Any], Any]) -> Any:
    """Returns the JSON with the values of these members changed wherever they stand; `KeyError` leaves one out."""
    if isinstance(answer, list):
        return [change(item, names, value) for item in answer]
    if not isinstance(answer, dict):
        return answer
    changed: dict[str, Any] = {}
    for name, member in answer.items():
        try:
            changed[name] = value(member) if name in names else change(member, names, value)
        except KeyError:
            continue
    return changed


def totals(value: Callable[[int], Any]) -> Lie:
    """Returns the lie that changes every total, and takes the numbers of pages away, which would show it."""

    def nothing(_: Any) -> Any:
        raise KeyError

    def lie(answer: Any, call: int) -> Any:
        return change(change(answer, ("totalPages", "total_pages"), nothing), ("total", "totalRecords"), value)

    return lie


class LyingTransport(httpx.AsyncBaseTransport):
    """Asks a fake and changes what it answers."""

    def __init__(self, fake: FakeApp, lie: Lie | None = None, error: Error | None = None) -> None:
        self._inner = httpx.ASGITransport(app=fake)
        self.lie = lie
        self.error = error
        self.calls = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.calls += 1
        status = self.error(request, self.calls) if self.error is not None else None
        if status is not None:
            return httpx.Response(status, json={"error": "made by a test"})
        response = await self._inner.handle_async_request(request)
        body = await response.aread()
        if self.lie is None or response.status_code != 200:
            return httpx.Response(response.status_code, headers=response.headers, content=body)
        return httpx.Response(200, json=self.lie(json.loads(body), self.calls))


class Served:
    """A fresh gateway, asked over HTTP."""

    def __init__(self, client: TestClient, fakes: dict[str, FakeApp], transports: dict[str, LyingTransport]) -> None:
        self.client = client
        self.fakes = fakes
        self.transports = transports

    @property
    def calls(self) -> int:
        return sum(transport.calls for transport in self.transports.values())

    def ask(self, document: str, **variables: Any) -> dict[str, Any]:
        answer = self.client.post("/graphql", json={"query": document, "variables": variables})
        assert answer.status_code == 200, answer.text
        parsed: dict[str, Any] = answer.json()
        return parsed


@contextmanager
def served(
    rows: Mapping[str, Any],
    *,
    lies: Mapping[str, Lie] | None = None,
    errors: Mapping[str, Error] | None = None,
    switches: Mapping[str, Switches] | None = None,
    cached: bool = False,
    **settings: Any,
) -> Iterator[Served]:
    """Serves a fresh gateway over a fake a provider, named like it. `cached`: answers are kept a minute."""
    fakes = {name: FAKES[name](given, token=TOKEN, switches=(switches or {}).get(name)) for name, given in rows.items()}
    transports = {
        name: LyingTransport(fake, (lies or {}).get(name), (errors or {}).get(name)) for name, fake in fakes.items()
    }
    tables = [{"name": name, "provider": name, "base_url": "http://127.0.0.1:9", "token_env": "TOKEN"} for name in rows]
    made = Configuration.from_tables({"server": {}, "sources": tables}).model_copy(
        update={"environment": {"TOKEN": TOKEN}}
    )

    @asynccontextmanager
    async def opened(configuration: Configuration) -> AsyncIterator[Gateway]:
        cache = MemoryCache(10_000_000) if cached else None
        sources = {name: _source(name, transports[name], cache, settings) for name in rows}
        yield Gateway(configuration, Projection(GRAPHQL_SCHEMA, registry(sources)), sources)
        for source in sources.values():
            await source.aclose()

    with TestClient(create_app(made, opened), headers={"Accept": "application/json"}) as client:
        yield Served(client, fakes, transports)


def _source(
    name: str, transport: httpx.AsyncBaseTransport, cache: MemoryCache | None, settings: Mapping[str, Any]
) -> Source:
    made = SourceSettings(
        name=name,
        provider=name,
        base_url="http://fake.invalid",
        token_env="TOKEN",
        **{"cache_ttl": 60.0 if cache is not None else 0.0, "retries": 0, **settings},
    )
    record = SourceRecord(global_id("Source", name, name), name, name, None)
    return Source(made, PROVIDERS[name](made), record, transport, cache, credential=Credential(TOKEN))
