"""The same exchange over any httpx transport: proxies, and applications or handlers in the same process (tests)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable

import httpx

from providers.http.connection import MAX_SMALL_CHUNKS, SMALL_CHUNK_BYTES
from providers.http.content_coding import decoded
from providers.http.transport import (
    Answer,
    BodyTooLarge,
    ConnectFailed,
    ConnectionLost,
    Headers,
    Limits,
    MalformedAnswer,
    Origin,
    TimedOut,
    TransportError,
)


class HttpxTransport:
    """A `Transport` over an `httpx.AsyncBaseTransport`, called without httpx's client layer.

    That layer costs more than the call (docs/performance.md), and would follow redirects and read the environment by
    itself.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def send(
        self,
        origin: Origin,
        method: str,
        target: str,
        headers: Headers,
        body: bytes | None,
        limits: Limits,
        deadline: float,
    ) -> Answer:
        """Returns the answer (see `Transport.send`)."""
        read = limits.read_timeout
        request = httpx.Request(
            method,
            f"{origin.scheme}://{origin.authority}{target}",
            headers=list(headers),
            content=body,
            extensions={
                "timeout": {
                    "connect": limits.connect_timeout,
                    "read": read,
                    "write": read,
                    "pool": limits.connect_timeout,
                }
            },
        )
        # httpx would decode and encode the target again; the raw form goes out as it was written.
        request.url = request.url.copy_with(raw_path=target.encode("ascii"))
        try:
            async with asyncio.timeout_at(deadline):
                response = await self._transport.handle_async_request(request)
                try:
                    raw = await _body(response, limits.max_bytes)
                finally:
                    await response.aclose()
        except TimeoutError as error:
            raise TimedOut("total") from error
        except httpx.HTTPError as error:
            raise _transport_error(error) from error
        names = response.headers
        coding = names.get("content-encoding", "")
        return Answer(
            response.status_code,
            {name.lower(): names[name] for name in names},
            decoded(raw, coding, limits.max_bytes) if raw else raw,
        )

    async def aclose(self) -> None:
        """Closes the httpx transport."""
        await self._transport.aclose()


async def _body(response: httpx.Response, max_bytes: int) -> bytes:
    stream = response.stream
    if not isinstance(stream, AsyncIterable):
        raise TypeError("expected an asynchronous httpx transport")
    parts: list[bytes] = []
    size = 0
    async for part in stream:
        size += len(part)
        if size > max_bytes:
            raise BodyTooLarge(max_bytes)
        parts.append(part)
        if len(parts) > MAX_SMALL_CHUNKS and size < len(parts) * SMALL_CHUNK_BYTES:
            raise MalformedAnswer(f"a body in pieces of {SMALL_CHUNK_BYTES} bytes and more")
    return b"".join(parts)


def _transport_error(error: httpx.HTTPError) -> TransportError:
    match error:
        case httpx.ConnectTimeout() | httpx.PoolTimeout():
            return TimedOut("connect")
        case httpx.TimeoutException():
            return TimedOut("read")
        case httpx.ProxyError():
            return ConnectFailed("its proxy refused")
        case httpx.ConnectError() | httpx.UnsupportedProtocol():
            return ConnectFailed("no connection")
        case httpx.LocalProtocolError():
            return MalformedAnswer("a request that HTTP can carry")
        case httpx.NetworkError() | httpx.RemoteProtocolError():
            return ConnectionLost(unanswered=False)
        case _:
            return MalformedAnswer("an answer in HTTP/1.1")
