"""A gateway over the project's fakes, in this process, that is asked over HTTP and tells what an operation used."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final, Literal

import httpx

from bench.worst.requests import WorstRequest
from gql.configuration.file import Configuration
from gql.configuration.settings import LimitSettings, ServerSettings
from gql.execution.document_cache import Documents
from gql.execution.gateway import Answer, Gateway
from gql.http.app import create_app
from gql.projection.executor import Projection
from gql.projection.records import registry
from gql.schema.schema import GRAPHQL_SCHEMA
from providers.apis.fakes import FAKES
from providers.cache.store import MemoryCache
from providers.http.credential import Credential
from providers.registry import PROVIDERS
from providers.settings import SourceSettings
from providers.source import Source
from providers.spi.budget import Budget
from providers.spi.record import SourceRecord, global_id

__all__ = ["Stage", "World", "open_stage"]

World = Literal["office", "many"]

_TOKEN: Final = "a-token-of-the-worst-requests"  # noqa: S105  of fakes
_URL: Final = "http://gateway.invalid"


class WatchedGateway(Gateway):
    """A gateway that keeps the budgets of its operations."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.budgets: list[Budget] = []

    async def _executed(self, document: Any, named: Any, request: Any, context: Any, cost: int) -> Answer:
        self.budgets.append(context.operation.budget)
        return await super()._executed(document, named, request, context, cost)


class Stage:
    """The gateway's client, and the budget of what it was asked last."""

    def __init__(self, client: httpx.AsyncClient, gateway: WatchedGateway) -> None:
        self.client = client
        self._gateway = gateway

    @property
    def documents(self) -> Documents:
        """The documents that the gateway keeps."""
        return self._gateway.documents

    async def ask(self, request: WorstRequest) -> tuple[dict[str, Any], int, Budget | None]:
        """Returns the answer, its length in bytes, and what executing it used; None when nothing was executed."""
        self._gateway.budgets.clear()
        response = await self.client.post("/graphql", json={"query": request.query, "variables": request.variables})
        answer: dict[str, Any] = response.json()
        return answer, len(response.content), self._gateway.budgets[0] if self._gateway.budgets else None


@asynccontextmanager
async def open_stage(world: World, limits: LimitSettings | None = None) -> AsyncIterator[Stage]:
    """Gives a stage with these limits, the defaults without.

    `office`: 120 contacts with one address in each of two sources; `many`: 5,000 contacts in one source that filters
    nothing, and some in three others.
    """
    rows = _office(120) if world == "office" else _many(5_000)
    cache = MemoryCache(200_000_000)
    settings = {
        name: SourceSettings(
            name=name,
            provider=name,
            base_url="http://fake.invalid",
            token_env="TOKEN",  # noqa: S106  a variable's name
            retries=0,
            cache_ttl=600,
        )
        for name in rows
    }
    sources = {name: _source(made, rows[name], cache) for name, made in settings.items()}
    configuration = Configuration(
        server=ServerSettings(limits=limits or LimitSettings()),
        sources=tuple(settings.values()),
        environment={"TOKEN": _TOKEN},
    )
    opened: list[WatchedGateway] = []

    @asynccontextmanager
    async def open_gateway(configuration: Configuration) -> AsyncIterator[Gateway]:
        opened.append(WatchedGateway(configuration, Projection(GRAPHQL_SCHEMA, registry(sources)), sources))
        yield opened[0]

    app = create_app(configuration, open_gateway)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(app.router.lifespan_context(app))
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=_URL, timeout=60)
        yield Stage(await stack.enter_async_context(client), opened[0])
        for source in sources.values():
            await source.aclose()


def _source(settings: SourceSettings, rows: Any, cache: MemoryCache) -> Source:
    name = settings.name
    return Source(
        settings,
        PROVIDERS[settings.provider](settings),
        SourceRecord(global_id("Source", name, name), name, settings.provider, settings.default_region),
        httpx.ASGITransport(app=FAKES[settings.provider](rows, token=_TOKEN)),
        cache,
        credential=Credential(_TOKEN),
    )


def _office(count: int) -> Mapping[str, Any]:
    email = "office@example.com"
    return {
        "wacr": [_wacr_row(number, email) for number in range(1, count + 1)],
        "autokonnect": [
            {"id": str(number), "email": email, "phone_number": None, "tags": []} for number in range(1, count + 1)
        ],
    }


def _many(count: int) -> Mapping[str, Any]:
    return {
        "tether": 300,
        "askelephant": 300,
        "wacr": [_wacr_row(number, f"person{number}@example.com") for number in range(1, 301)],
        "autokonnect": [
            {"id": str(number), "email": f"person{number}@example.com", "phone_number": None, "tags": []}
            for number in range(1, count + 1)
        ],
    }


def _wacr_row(number: int, email: str) -> dict[str, Any]:
    time = "2025-01-01T00:00:00.000000Z"
    return {"id": number, "email": email, "phone": None, "group_id": [], "created_at": time, "updated_at": time}
