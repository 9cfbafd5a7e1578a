"""A server on loopback that answers with bytes a test wrote: for what no well-behaved server would send."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any


class Then(Enum):
    """What happens after the bytes before it."""

    CLOSE = auto()
    RESET = auto()
    HANG = auto()


Step = bytes | Then | asyncio.Event


@dataclass
class ScriptedServer:
    """`answers`: for each request in the order of arrival, its steps. Requests are kept as they came."""

    answers: list[Sequence[Step]]
    base_url: str = ""
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a request has come."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever a connection has come to its end."""

    _serving: set[asyncio.Task[Any]] = field(default_factory=set)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            while await self._answer(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._serving.discard(task)
            self.ended.set()
            writer.close()

    async def stop(self) -> None:
        """Ends every connection."""
        serving = list(self._serving)
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        # Sockets are closed by the loop's next round.
        await asyncio.sleep(0)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        body = b""
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                body = await reader.readexactly(int(line.split(b":")[1]))
        self.requests.append(head + body)
        self.asked.set()
        for step in self.answers.pop(0):
            if isinstance(step, bytes):
                writer.write(step)
                await writer.drain()
                await asyncio.sleep(0)
            elif isinstance(step, asyncio.Event):
                await step.wait()
            elif step is Then.HANG:
                await reader.read()
                return False
            else:
                if step is Then.RESET:
                    writer.transport.abort()
                return False
        return True


@contextlib.asynccontextmanager
async def scripted(*answers: Sequence[Step], tls: ssl.SSLContext | None = None) -> AsyncIterator[ScriptedServer]:
    """Serves the answers; leaving the block ends every connection."""
    server = ScriptedServer(list(answers))
    listening = await asyncio.start_server(server._serve, "127.0.0.1", 0, ssl=tls)
    port = listening.sockets[0].getsockname()[1]
    server.base_url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    try:
        yield server
    finally:
        listening.close()
        await server.stop()


def ok(body: bytes = b"{}", *headers: str) -> bytes:
    """A plain 200 with its length."""
    lines = ["HTTP/1.1 200 OK", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
