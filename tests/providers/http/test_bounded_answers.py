"""What a source's answer may make this side do: parts, pieces and interim answers are counted, and bounded."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from providers.http import content_coding
from providers.http.connection import MAX_INTERIM, MAX_SMALL_CHUNKS
from providers.http.connection_pool import PooledTransport
from providers.http.content_coding import MAX_MEMBERS, decoded
from providers.http.transport import Answer, Limits, MalformedAnswer, origin_of
from tests.support.scripted_server import ScriptedServer, ok, scripted

LIMITS = Limits(connect_timeout=5.0, read_timeout=5.0, max_bytes=10_000_000)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
async def pool() -> AsyncIterator[PooledTransport]:
    transport = PooledTransport()
    yield transport
    await transport.aclose()


async def ask(pool: PooledTransport, server: ScriptedServer) -> Answer:
    deadline = asyncio.get_running_loop().time() + 20
    return await pool.send(origin_of(server.base_url), "GET", "/", (), None, LIMITS, deadline)


async def test_a_body_of_many_empty_members_is_refused(pool: PooledTransport) -> None:
    body = gzip.compress(b"{}") + gzip.compress(b"") * (MAX_MEMBERS + 1)
    async with scripted([ok(body, "Content-Encoding: gzip")]) as server:
        with pytest.raises(MalformedAnswer, match=f"at most {MAX_MEMBERS} compressed parts"):
            await ask(pool, server)
        await asyncio.sleep(0)
        assert pool.open_connections == 0


async def test_a_body_of_some_members_is_their_contents(pool: PooledTransport) -> None:
    body = b"".join(gzip.compress(b"%d," % number) for number in range(100))
    async with scripted([ok(body, "Content-Encoding: gzip")]) as server:
        assert (await ask(pool, server)).body == b"".join(b"%d," % number for number in range(100))


def test_members_of_a_long_body_are_not_copied_once_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    fed = 0

    class Counting:
        def __init__(self, frame: int) -> None:
            self._inflater = zlib.decompressobj(frame)

        def decompress(self, data: bytes, room: int) -> bytes:
            nonlocal fed
            fed += len(data)
            return self._inflater.decompress(data, room)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._inflater, name)

    class Zlib:
        decompressobj = Counting
        error = zlib.error
        MAX_WBITS = zlib.MAX_WBITS

    monkeypatch.setattr(content_coding, "zlib", Zlib)
    contents = [b"x" * 10 + bytes([number % 256]) * 4_000 for number in range(900)]
    body = b"".join(gzip.compress(content, 0) for content in contents)
    assert decoded(body, "gzip", 10_000_000) == b"".join(contents)
    # Sixteen times its length at most, where it was 450 times.
    assert fed < 17 * len(body) + 900 * 65_536


@pytest.mark.parametrize("number", [0, MAX_INTERIM])
async def test_interim_answers_are_passed_over_up_to_their_number(pool: PooledTransport, number: int) -> None:
    async with scripted([b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * number + ok(b"[1]")]) as server:
        assert (await ask(pool, server)).body == b"[1]"


async def test_more_interim_answers_are_refused(pool: PooledTransport) -> None:
    async with scripted([b"HTTP/1.1 103 Early Hints\r\n\r\n" * (MAX_INTERIM + 1) + ok(b"[1]")]) as server:
        with pytest.raises(MalformedAnswer, match="interim answers"):
            await ask(pool, server)


@pytest.mark.parametrize("length", [b"Content-Length: 36", b"Transfer-Encoding: chunked"])
async def test_an_interim_answer_with_a_body_is_refused(pool: PooledTransport, length: bytes) -> None:
    smuggled = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n[666]"
    async with scripted([b"HTTP/1.1 100 Continue\r\n" + length + b"\r\n\r\n" + smuggled + ok(b"[1]")]) as server:
        with pytest.raises(MalformedAnswer, match="without a body"):
            await ask(pool, server)


async def test_a_body_in_tiny_chunks_is_refused_when_there_are_too_many(pool: PooledTransport) -> None:
    sent = CHUNKED + b"2\r\n  \r\n" * (MAX_SMALL_CHUNKS * 20) + b"0\r\n\r\n"
    async with scripted([sent]) as server:
        with pytest.raises(MalformedAnswer, match="pieces of 64 bytes"):
            await ask(pool, server)


async def test_some_tiny_chunks_and_many_larger_ones_are_taken(pool: PooledTransport) -> None:
    tiny = CHUNKED + b"2\r\n  \r\n" * MAX_SMALL_CHUNKS + b"0\r\n\r\n"
    larger = CHUNKED + b"64\r\n" + (b"x" * 100 + b"\r\n64\r\n") * (2 * MAX_SMALL_CHUNKS) + b"x" * 100 + b"\r\n0\r\n\r\n"
    async with scripted([tiny], [larger]) as server:
        assert len((await ask(pool, server)).body) == 2 * MAX_SMALL_CHUNKS
        assert len((await ask(pool, server)).body) == 100 * (2 * MAX_SMALL_CHUNKS + 1)
