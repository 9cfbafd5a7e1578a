"""Putting an application on a socket: one process or several, ended by a signal without breaking an answer off."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import tempfile
from collections.abc import Callable, Generator, Mapping
from functools import partial
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.supervisors import Multiprocess, multiprocess

from gql.configuration.hosts import answered_hosts
from gql.configuration.settings import ServerSettings
from gql.http.protocol import HeadLimitedProtocol
from gql.http.unsent import UnsentBytes
from gql.telemetry import MULTIPROCESS_DIRECTORY, forget_worker

__all__ = ["CannotListen", "address", "listen", "serve", "serve_workers", "settle_memory"]

_BACKLOG: Final = 2048
_KEEP_ALIVE_SECONDS: Final = 75
_TURNS_TO_CLOSE: Final = 3
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
# Requests leave no cycles: with its default thresholds the collector finds nothing, often. Connections that end leave a
# few, which grow old beside others, so the oldest generation must come round too.
_GC_THRESHOLDS: Final = (200_000, 5, 5)


class CannotListen(Exception):
    """The host or the port cannot be had; the text says why in one line."""


def listen(host: str, port: int) -> socket.socket:
    """Returns a listening socket; port 0 takes any free one. Raises CannotListen."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host.strip("[]"), port), family=family, backlog=_BACKLOG)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise CannotListen(f"cannot listen on {host} port {port}: {reason}") from None


def address(listener: socket.socket) -> str:
    """Returns the base URL of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def serve(app: ASGIApp, listener: socket.socket, server: ServerSettings, started: Callable[[], None]) -> None:
    """Serves the application until SIGINT or SIGTERM; `started` is called when it answers.

    Requests under way are answered before this returns, but none is waited for longer than its time-out.
    """
    await _Server(uvicorn.Config(app, **_options(server)), started).serve(sockets=[listener])


def serve_workers(
    factory: str, listener: socket.socket, server: ServerSettings, workers: int, environment: Mapping[str, str]
) -> None:
    """Serves from several processes until SIGINT or SIGTERM; `factory` ("module:function") makes each application.

    `environment` is added to the processes' own. A worker that dies is replaced.
    """
    with tempfile.TemporaryDirectory(prefix="contactgraph-") as counters:
        os.environ.update({**environment, MULTIPROCESS_DIRECTORY: counters})
        # The supervisor has no other way to be given its workers' class.
        multiprocess.Process = _Worker  # type: ignore[misc]
        _Supervisor(uvicorn.Config(factory, factory=True, workers=workers, **_options(server)), [listener]).run()


def settle_memory() -> None:
    """Takes what is there after the start out of the garbage collector's sight, and lets it look less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)


def _options(server: ServerSettings) -> dict[str, Any]:
    return {
        "loop": "uvloop",
        "http": partial(
            HeadLimitedProtocol,
            head_seconds=server.limits.request_timeout,
            unsent=UnsentBytes(server.unsent_bytes),
            answers_to=answered_hosts(server),
        ),
        "ws": "none",
        "lifespan": "on",
        "access_log": False,
        # Nothing here asks for the client's address.
        "proxy_headers": False,
        "log_config": None,
        "server_header": False,
        "backlog": _BACKLOG,
        "timeout_keep_alive": _KEEP_ALIVE_SECONDS,
        "timeout_graceful_shutdown": int(server.limits.request_timeout) + 2,
    }


class _DrainingServer(uvicorn.Server):
    """uvicorn that answers, when it is told to end, the connections that the kernel has accepted for it as well."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accepts what waits in the backlog, listens no more, and ends when every request is answered."""
        backlogs = [listener.dup() for listener in sockets or []]
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        # The loop's own hold on the listener ends in its next turns; the copy is then the last one of this process.
        for _ in range(_TURNS_TO_CLOSE):
            await asyncio.sleep(0)
        # Without a turn between the last look and the end, for what comes in between is reset by the kernel.
        accepted = [connection for backlog in backlogs for connection in _drained(backlog)]
        loop = asyncio.get_running_loop()
        for connection in accepted:
            with contextlib.suppress(OSError):
                await loop.connect_accepted_socket(self._protocol, connection)
        await super().shutdown(None)

    def _protocol(self) -> asyncio.Protocol:
        made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made


def _drained(backlog: socket.socket) -> list[socket.socket]:
    """Returns the connections that wait in a listener's backlog, and closes it."""
    backlog.setblocking(False)
    accepted: list[socket.socket] = []
    # No more than can have waited: clients that come back at once must not keep a server from ending.
    for _ in range(_BACKLOG):
        try:
            connection, _ = backlog.accept()
        except OSError:
            # There is none any more, or another worker was faster.
            break
        connection.setblocking(False)
        accepted.append(connection)
    backlog.close()
    return accepted


class _Worker(multiprocess.Process):
    """uvicorn's process of one worker, with a server that drains its backlog."""

    @property
    def server(self) -> uvicorn.Server:
        """Returns the worker's server, the same every time."""
        if self._server is None:
            self._server = _DrainingServer(config=self.config)
        return self._server


class _Supervisor(Multiprocess):
    """uvicorn's, which also says when a worker has ended: what it measured last would count for ever."""

    def terminate_all(self) -> None:
        # While this process listened, the kernel would go on accepting connections that no worker takes.
        for listener in self.sockets:
            listener.close()
        super().terminate_all()

    def init_processes(self) -> None:
        super().init_processes()
        self._workers = self._running()

    def keep_subprocess_alive(self) -> None:
        # Twice a second, and after signals that replace a worker or take one away.
        super().keep_subprocess_alive()
        running = self._running()
        for worker in self._workers - running:
            forget_worker(worker)
        self._workers = running

    def _running(self) -> set[int]:
        return {each.pid for each in self.processes if each.pid is not None}


class _Server(_DrainingServer):
    """uvicorn that says when it answers, and ends with the exit code of success when it is told to end."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._started()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        before = {each: signal.signal(each, self.handle_exit) for each in _SIGNALS}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)
