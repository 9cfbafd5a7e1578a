"""What is wrong with one caller's request costs the other callers nothing: it is capped here, or not counted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from gql.configuration.file import read_configuration
from gql.http.app import create_app
from providers.open_sources import open_sources
from providers.resilience.circuit_breaker import CircuitState
from providers.settings import SourceSettings
from providers.source import Source
from providers.spi.errors import SourceBadRequest, SourceError
from providers.spi.request import Request
from tests.support.scripted_server import ok


class Touchy:
    """Breaks off requests whose head is longer than 8 kB, or answers them with `status`; counts requests."""

    def __init__(self, status: int | None) -> None:
        self.status = status
        self.requests = 0
        self.base_url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.requests += 1
                if len(head) < 8_000:
                    writer.write(ok(b'{"data":[]}'))
                elif self.status is not None:
                    writer.write(f"HTTP/1.1 {self.status} No\r\nContent-Length: 0\r\n\r\n".encode())
                else:
                    writer.transport.abort()
                    return
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def touchy(status: int | None) -> AsyncIterator[Touchy]:
    made = Touchy(status)
    listening = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.base_url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        listening.close()


def opened(base_url: str) -> Source:
    settings = SourceSettings(
        name="sales",
        provider="wacr",
        base_url=base_url,
        token_env="SALES_TOKEN",
        cache_ttl=0.0,
        retries=0,
        circuit_failures=3,
        circuit_cooldown=600.0,
    )
    (source,) = open_sources([settings], {"SALES_TOKEN": "a-token"})
    return source


def asking(length: int) -> Request:
    return Request("GET", "/v2/contacts", (("q", "x" * length),))


@pytest.mark.parametrize("status", [None, 400, 413, 414, 422, 431])
async def test_requests_that_a_source_does_not_take_do_not_close_it_to_others(status: int | None) -> None:
    async with touchy(status) as server:
        source = opened(server.base_url)
        for _ in range(10):
            with pytest.raises(SourceError):
                await source.send(asking(10_000), None, deadline=None)
        assert server.requests == 10
        assert source.health.circuit is CircuitState.CLOSED
        assert (await source.send(asking(10), None, deadline=None)).body == b'{"data":[]}'
        await source.aclose()


async def test_a_target_that_is_too_long_is_not_sent() -> None:
    async with touchy(None) as server:
        source = opened(server.base_url)
        for _ in range(10):
            with pytest.raises(SourceBadRequest, match="the URL is too long; expected at most 16384 bytes, got 20015"):
                await source.send(asking(20_000), None, deadline=None)
        assert server.requests == 0
        assert source.health.circuit is CircuitState.CLOSED
        await source.aclose()


CONFIGURATION = """
[[sources]]
name = "sales"
provider = "wacr"
base_url = "{url}"
token_env = "SALES_TOKEN"
"""

CONTACTS = "query($s: String) { contacts(search: $s) { nodes { id } } }"
TAGS = "query($s: String) { tags(search: $s) { nodes { id } } }"


async def answered(url: str, document: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    configuration = read_configuration(CONFIGURATION.format(url=url))
    app = create_app(configuration.model_copy(update={"environment": {"SALES_TOKEN": "a-token"}}))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            response = await client.post("/graphql", json={"query": document, "variables": variables})
    answer: dict[str, Any] = response.json()
    return answer


@pytest.mark.parametrize("document", [CONTACTS, TAGS])
async def test_a_search_that_is_too_long_is_bad_input_that_names_it(document: str) -> None:
    async with touchy(None) as server:
        answer = await answered(server.base_url, document, {"s": "x" * 20_000})
        (error,) = answer["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        assert error["extensions"]["argument"] == "search"
        assert error["message"] == "search: expected at most 500 characters, got 20000"
        assert server.requests == 0
        answer = await answered(server.base_url, CONTACTS, {"s": "x" * 500})
        assert "errors" not in answer or answer["errors"][0]["extensions"]["code"] != "BAD_USER_INPUT"
        assert server.requests > 0
