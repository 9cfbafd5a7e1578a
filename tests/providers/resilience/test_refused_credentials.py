"""A credential that a source refuses ends what was kept for it; a refresh that only failed is said."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from gql.configuration.file import read_configuration
from gql.http.app import create_app
from providers.cache.store import Cache, MemoryCache
from providers.http.credential import Credential
from providers.open_sources import open_sources
from providers.redis.cache import RedisCache
from providers.redis.connection import RedisLink
from providers.settings import SourceSettings
from providers.source import Source
from providers.spi.errors import SourceError, SourceForbidden, SourceUnauthenticated, SourceUnavailable
from providers.spi.query import Order, OrderField
from providers.spi.request import Request, Response
from resolvers import nodes
from tests.support.redis_server import needs_redis, running_redis
from tests.support.scripted_server import ok
from tests.support.world import World as Fakes

FIRST = Request("GET", "/v2/contacts", (("page", "1"),))
SECOND = Request("GET", "/v2/contacts", (("page", "2"),))


class Refusing:
    """Answers 200, or `status` when it is set, to targets with `only` in them; counts requests."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.only = b""
        self.requests = 0
        self.base_url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.requests += 1
                if self.status is None or self.only not in head.split(b"\r\n")[0]:
                    writer.write(ok(b'{"data":[]}'))
                else:
                    writer.write(f"HTTP/1.1 {self.status} No\r\nContent-Length: 0\r\n\r\n".encode())
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class World:
    def __init__(self, server: Refusing, source: Source, clock: Clock) -> None:
        self.server = server
        self.source = source
        self.clock = clock

    async def ask(self, request: Request = FIRST, caller: str = "alice") -> Response:
        return await self.source.send(request, Credential(caller), deadline=None)

    async def renewed(self) -> None:
        """Waits until nothing is asked in the background."""
        assert self.source._cached is not None
        for flight in list(self.source._cached._flights._flights.values()):
            await asyncio.wait([flight.task])
        await asyncio.sleep(0)


@asynccontextmanager
async def world(cache: Cache | None = None, clock: Clock | None = None) -> AsyncIterator[World]:
    clock = clock or Clock()
    server = Refusing()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    settings = SourceSettings(
        name="sales",
        provider="wacr",
        base_url=f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}",
        token_header="X-Sales-Token",
        cache_ttl=5.0,
        stale_while_revalidate=86_400.0,
        retries=0,
        circuit_failures=0,
    )
    (source,) = open_sources([settings], {}, cache=cache or MemoryCache(clock=clock))
    assert source._cached is not None
    source._cached._clock = source._upstream._clock = clock
    try:
        yield World(server, source, clock)
    finally:
        await source.aclose()
        listening.close()


@pytest.mark.parametrize(("status", "kind"), [(401, SourceUnauthenticated), (403, SourceForbidden)])
async def test_a_refused_credential_ends_all_that_was_kept_for_it(status: int, kind: type[SourceError]) -> None:
    async with world() as made:
        for request in (FIRST, SECOND):
            await made.ask(request)
        await made.ask(caller="bob")
        made.clock.now += 60
        made.server.status = status
        assert (await made.ask()).stale
        await made.renewed()
        for request in (FIRST, SECOND, FIRST):
            with pytest.raises(kind):
                await made.ask(request)


async def test_another_callers_answers_stay() -> None:
    async with world() as made:
        await made.ask()
        await made.ask(caller="bob")
        made.clock.now += 6
        made.server.status = 401
        await made.ask()
        await made.renewed()
        made.server.status = None
        asked = made.server.requests
        made.clock.now -= 2
        assert (await made.ask(caller="bob")).cache_hit
        assert made.server.requests == asked


@pytest.mark.parametrize("status", [400, 404, 410, 422])
async def test_a_final_answer_in_the_background_ends_the_kept_one(status: int) -> None:
    async with world() as made:
        await made.ask(FIRST)
        await made.ask(SECOND)
        made.clock.now += 60
        made.server.status, made.server.only = status, b"page=1"
        await made.ask(FIRST)
        await made.renewed()
        with pytest.raises(SourceError) as raised:
            await made.ask(FIRST)
        assert raised.value.status == status
        assert (await made.ask(SECOND)).stale


async def test_what_was_never_allowed_ends_nothing_else() -> None:
    async with world() as made:
        await made.ask(FIRST)
        made.server.status, made.server.only = 403, b"page=2"
        with pytest.raises(SourceForbidden):
            await made.ask(SECOND)
        assert (await made.ask(FIRST)).cache_hit


async def test_a_refresh_that_failed_is_said_until_one_does_not() -> None:
    async with world() as made:
        await made.ask()
        made.clock.now += 60
        made.server.status = 503
        assert (await made.ask()).failure is None
        await made.renewed()
        late = await made.ask()
        assert late.stale
        assert isinstance(late.failure, SourceUnavailable)
        assert (late.failure.message, late.failure.status) == ("sales answered 503", 503)
        await made.renewed()
        made.server.status = None
        await made.ask()
        await made.renewed()
        renewed = await made.ask()
        assert (renewed.stale, renewed.failure) == (False, None)


@needs_redis
async def test_replicas_that_share_a_cache_forget_together() -> None:
    with running_redis() as redis:
        clock = Clock()
        links = [RedisLink.from_url(redis.url) for _ in range(2)]
        one, other = (RedisCache(link, b"secret") for link in links)
        async with world(one, clock) as made:
            await made.ask(FIRST)
            await made.ask(SECOND)
            made.clock.now += 60
            made.server.status = 401
            await made.ask(FIRST)
            await made.renewed()
            scope = made.source._scope_for(Credential("alice"))
            for cache in (one, other):
                assert await cache.get(scope, SECOND) is None
            made.server.status = None
            made.clock.now += 1
            await made.ask(SECOND)
            assert await other.get(scope, SECOND) is not None
        for link in links:
            await link.aclose()


CONFIGURATION = """
[[sources]]
name = "sales"
provider = "wacr"
base_url = "{url}"
token_env = "SALES_TOKEN"
cache_ttl = 0.001
stale_while_revalidate = 3600
retries = 0
"""
QUERY = """{ contacts(first: 1) {
  nodes { id }
  sources { status stale warnings { code message } error { code } }
} }"""


async def test_a_client_is_told_that_a_stale_answer_could_not_be_renewed_and_that_a_refused_one_is_over() -> None:
    server = Refusing()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    configuration = read_configuration(CONFIGURATION.format(url=url))
    app = create_app(configuration.model_copy(update={"environment": {"SALES_TOKEN": "a-token"}}))

    async def slices() -> list[dict[str, Any]]:
        """Each of three answers' slice; what the one asks in the background has ended before the next."""
        seen = []
        for _ in range(3):
            answer = (await client.post("/graphql", json={"query": QUERY})).json()
            if answer["data"]["contacts"] is None:
                seen.append({"errors": [error["extensions"]["code"] for error in answer["errors"]]})
            else:
                seen += answer["data"]["contacts"]["sources"]
            await asyncio.sleep(0.05)
        return seen

    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client,
    ):
        assert (await slices())[0] == {
            "status": "OK",
            "stale": False,
            "warnings": [],
            "error": None,
        }
        server.status = 503
        assert (await slices())[-1] == {
            "status": "PARTIAL",
            "stale": True,
            "warnings": [{"code": "SOURCE_UNAVAILABLE", "message": "sales answered 503"}],
            "error": None,
        }
        server.status = 401
        assert (await slices())[-1] == {"errors": ["SOURCE_UNAUTHENTICATED"]}
    listening.close()


async def test_lists_and_contacts_that_were_kept_outside_of_the_cache_end_with_it() -> None:
    world = Fakes({"autokonnect": 30}, cached=True)
    orders = (Order(OrderField.LAST_NAME),)
    first = await world.connection(first=5, orders=orders)
    wanted = first.nodes[0]
    assert await nodes.contact(world.operation(), wanted.id, frozenset()) is not None
    world.forget_calls()
    kept = await world.connection(first=5, after=first.page_info.end_cursor, orders=orders)
    assert len(kept.nodes) == 5
    assert world.calls("autokonnect") == 0, "the walk goes on in the list that it began in"

    world.fakes["autokonnect"].switches.fail("status", 1_000, status=401)
    refused = await world.page(first=5, search="nobody at all")
    assert [failure.code.value for failure in refused.failures] == ["SOURCE_UNAUTHENTICATED"]
    later = await world.page(first=5, after=first.page_info.end_cursor, orders=orders)
    assert [failure.code.value for failure in later.failures] == ["SOURCE_UNAUTHENTICATED"]
    with pytest.raises(SourceUnauthenticated):
        await nodes.contact(world.operation(), wanted.id, frozenset())
