"""Kept connections belong to one credential, whatever a source sends late, twice, in pieces or unasked."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from providers.http.connection_pool import PooledTransport
from providers.http.credential import Credential
from providers.http.transport import Headers, Limits, origin_of
from providers.open_sources import open_sources
from providers.settings import SourceSettings
from providers.source import Source
from providers.spi.errors import SourceError
from providers.spi.request import Request
from tests.support.scripted_server import Then, ok, scripted

# The first form of this test makes ten thousand; what it found shows within the first few hundred.
TRIES = 600
CALLERS = 12
LIMITS = Limits(connect_timeout=5.0, read_timeout=5.0, max_bytes=100_000)


class LooseSource:
    """A source that names in each answer whom it is for, and at times sends one late, twice, or in pieces."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.base_url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                found = re.search(rb"Authorization: Bearer (\S+)", head)
                assert found is not None
                await self._answer(writer, ok(json.dumps({"for": found[1].decode()}).encode()))
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, answer: bytes) -> None:
        match self._random.randrange(6):
            case 0:
                writer.write(answer + answer)
            case 1:
                writer.write(answer)
                await asyncio.sleep(self._random.random() * 0.002)
                writer.write(answer)
            case 2:
                cut = self._random.randrange(1, len(answer))
                writer.write(answer + answer[:cut])
                await asyncio.sleep(0)
                writer.write(answer[cut:])
            case 3:
                cut = self._random.randrange(1, len(answer))
                writer.write(answer[:cut])
                await asyncio.sleep(0)
                writer.write(answer[cut:])
            case _:
                writer.write(answer)
        await writer.drain()


@asynccontextmanager
async def loose(seed: int) -> AsyncIterator[LooseSource]:
    made = LooseSource(seed)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        server.close()


def opened(base_url: str) -> Source:
    settings = SourceSettings(
        name="sales",
        provider="wacr",
        base_url=base_url,
        token_header="X-Sales-Token",
        cache_ttl=0.0,
        circuit_failures=0,
        retries=0,
    )
    (source,) = open_sources([settings], {})
    return source


@pytest.mark.parametrize("seed", [1, 2])
async def test_no_caller_is_given_an_answer_to_anothers_question(seed: int) -> None:
    answered = 0
    async with loose(seed) as server:
        source = opened(server.base_url)

        async def asks(caller: int) -> None:
            nonlocal answered
            for number in range(TRIES // CALLERS):
                token = f"caller-{caller}"
                try:
                    request = Request("GET", "/v2/contacts", (("page", str(number)),))
                    response = await source.send(request, Credential(token), deadline=None)
                except SourceError:
                    continue
                assert json.loads(response.body) == {"for": token}
                answered += 1

        await asyncio.gather(*(asks(caller) for caller in range(CALLERS)))
        await source.aclose()
    assert answered > TRIES * 0.5


def _of(credential: str) -> Headers:
    return (("Accept", "application/json"), ("Authorization", f"Bearer {credential}"))


async def test_a_connection_is_used_again_with_its_own_credential_alone() -> None:
    pool = PooledTransport()
    async with scripted(*[[ok(b"[%d]" % number)] for number in range(4)]) as server:
        origin = origin_of(server.base_url)
        end = asyncio.get_running_loop().time() + 5
        for credential in ("a", "b", "a", "b"):
            await pool.send(origin, "GET", "/", _of(credential), None, LIMITS, end)
        assert server.connections == 2
        assert pool.open_connections == 2
    await pool.aclose()


async def test_of_many_credentials_no_more_connections_stay_idle_than_of_one() -> None:
    pool = PooledTransport(max_idle=3)
    async with scripted(*[[ok()] for _ in range(9)]) as server:
        origin = origin_of(server.base_url)
        end = asyncio.get_running_loop().time() + 5
        for number in range(8):
            await pool.send(origin, "GET", "/", _of(str(number)), None, LIMITS, end)
        await asyncio.sleep(0)
        assert pool.open_connections == 3
        # The last used are those that stay.
        await pool.send(origin, "GET", "/", _of("5"), None, LIMITS, end)
        assert server.connections == 8
    await pool.aclose()


async def test_bytes_that_wait_unread_on_an_idle_connection_end_it() -> None:
    pool = PooledTransport()
    late = asyncio.Event()
    async with scripted([ok(b"[1]"), late, ok(b"[666]"), Then.HANG], [ok(b"[2]")]) as server:
        origin = origin_of(server.base_url)
        end = asyncio.get_running_loop().time() + 5
        await pool.send(origin, "GET", "/", _of("a"), None, LIMITS, end)
        late.set()
        answer = None
        for _ in range(3):  # the server writes in these rounds; this loop has not read yet in the last of them
            await asyncio.sleep(0)
            (connection,) = pool._open
            if connection.has_unread():
                answer = await pool.send(origin, "GET", "/", _of("a"), None, LIMITS, end)
                break
        assert answer is not None
        assert answer.body == b"[2]"
        assert server.connections == 2
    await pool.aclose()


@pytest.mark.parametrize(("key", "connections"), [("token_header", 2), ("token_env", 1)])
async def test_behind_a_proxy_callers_do_not_share_connections_either(key: str, connections: int) -> None:
    async with scripted([ok(b"[1]")], [ok(b"[2]")]) as proxy:
        settings = SourceSettings.model_validate(
            {
                "name": "sales",
                "provider": "wacr",
                "base_url": "http://api.example.com",
                "proxy": proxy.base_url,
                "cache_ttl": 0.0,
                key: "SALES_TOKEN" if key == "token_env" else "X-Sales-Token",
            }
        )
        (source,) = open_sources([settings], {"SALES_TOKEN": "own"})
        for token in ("a", "b"):
            caller = Credential(token) if key == "token_header" else None
            await source.send(Request("GET", "/v2/contacts"), caller, deadline=None)
        assert proxy.connections == connections
        assert len(proxy.requests) == 2
        await source.aclose()
