"""A server in a process of its own that answers every request alike: what a client costs is then the client's."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import cast

import uvloop

START_SECONDS = 30.0
_HEAD_ENDS = b"\r\n\r\n"


class _AnswersAlike(asyncio.Protocol):
    """One connection; requests without a body, one after the other."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the methods, not the class.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        while _HEAD_ENDS in self._received:
            _, _, self._received = self._received.partition(_HEAD_ENDS)
            assert self._transport is not None
            self._transport.write(self._answer)


async def _listen(answer: bytes, parent: Connection) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: _AnswersAlike(answer), "127.0.0.1", 0)
    parent.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def _run(answer: bytes, parent: Connection) -> None:
    uvloop.run(_listen(answer, parent))


@contextmanager
def serving(body: bytes) -> Iterator[str]:
    """Gives the URL of a server whose answers are 200 with this JSON, until the block is left."""
    head = (
        "HTTP/1.1 200 OK\r\nServer: bench\r\nDate: Sat, 21 Nov 2026 12:00:00 GMT\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: keep-alive\r\n\r\n"
    )
    # Spawned, not forked: the child takes over no event loop and no thread.
    spawning = multiprocessing.get_context("spawn")
    here, there = spawning.Pipe()
    process = spawning.Process(target=_run, args=(head.encode() + body, there), daemon=True)
    process.start()
    try:
        if not here.poll(START_SECONDS):
            raise RuntimeError("the server did not start")
        yield f"http://127.0.0.1:{here.recv()}"
    finally:
        process.terminate()
        process.join()
