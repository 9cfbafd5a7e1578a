"""Serving an application on a loopback port: inside the running event loop, or in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Generator
from types import TracebackType

import uvicorn
from starlette.types import ASGIApp

LOOPBACK = "127.0.0.1"
_GRACE_SECONDS = 1


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers (the process belongs to somebody else), which says when it listens."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(
            uvicorn.Config(app, log_level="critical", access_log=False, timeout_graceful_shutdown=_GRACE_SECONDS)
        )
        self.listening = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


@contextlib.asynccontextmanager
async def serve(app: ASGIApp, port: int = 0) -> AsyncIterator[str]:
    """Serves the application in this event loop and gives its base URL; port 0 takes any free one.

    Leaving the block stops the server; requests that hang are cancelled after a second. Raises OSError when the
    port is taken, RuntimeError when the application does not start.
    """
    listener = socket.create_server((LOOPBACK, port))
    # asyncio does it for sockets that know their protocol alone, which this one does not; accepted ones inherit it.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    server = _Server(app)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        ready = asyncio.create_task(server.listening.wait())
        await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            ready.cancel()
            raise RuntimeError("the application did not start")
        yield f"http://{LOOPBACK}:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await asyncio.gather(running, return_exceptions=True)
        listener.close()


class ServerThread:
    """Serves an application from a thread with its own event loop, for tests that are not asynchronous.

    `with ServerThread(app) as base_url: …`; or `start()`, which returns the base URL, and `stop()`.
    """

    def __init__(self, app: ASGIApp, port: int = 0) -> None:
        self._app = app
        self._port = port
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._leave: asyncio.Event | None = None
        self._failures: list[Exception] = []
        self.base_url = ""

    def start(self) -> str:
        """Starts the server and returns its base URL. Raises what `serve` raises, RuntimeError when it runs already."""
        if self._thread is not None:
            raise RuntimeError("the server runs already")
        self._ready.clear()
        self._failures.clear()
        self.base_url = ""
        self._thread = threading.Thread(target=self._run, name="fake-server", daemon=True)
        self._thread.start()
        self._ready.wait()
        if not self.base_url:
            self._thread.join()
            self._thread = None
            raise self._failures[0] if self._failures else RuntimeError("the server did not start")
        return self.base_url

    def stop(self) -> None:
        """Stops the server and waits for its thread; does nothing when it does not run."""
        if self._thread is None or self._loop is None or self._leave is None:
            return
        self._loop.call_soon_threadsafe(self._leave.set)
        self._thread.join()
        self._thread = None

    def __enter__(self) -> str:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve_until_told())
        except (OSError, RuntimeError) as error:  # handed to the thread that waits in start()
            self._failures.append(error)
        finally:
            self._ready.set()

    async def _serve_until_told(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._leave = asyncio.Event()
        async with serve(self._app, self._port) as self.base_url:
            self._ready.set()
            await self._leave.wait()
