"""Keep-alive connections to origins: the default transport, for its cost a call (docs/performance.md)."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from functools import lru_cache

from providers.http.connection import Http1Connection, request_head
from providers.http.transport import (
    Answer,
    ConnectFailed,
    ConnectionLost,
    Headers,
    Limits,
    Origin,
    TimedOut,
    credential_of,
)

IDLE_SECONDS = 30.0
MAX_IDLE_PER_ORIGIN = 100


@lru_cache(maxsize=64)
def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Returns a context that verifies certificates and host names, against `ca_file` or what the system trusts.

    Raises OSError (ssl.SSLError among them) when the file cannot be read as certificates.
    """
    context = ssl.create_default_context(cafile=ca_file)
    context.set_alpn_protocols(["http/1.1"])
    return context


class _IdleConnections:
    """The idle connections of one origin: by credential, and from the one that is idle longest."""

    __slots__ = ("_by_credential", "_credentials")

    def __init__(self) -> None:
        self._by_credential: dict[str, list[Http1Connection]] = {}
        self._credentials: dict[Http1Connection, str] = {}

    def __len__(self) -> int:
        return len(self._credentials)

    def put(self, credential: str, connection: Http1Connection) -> None:
        self._credentials[connection] = credential
        stack = self._by_credential.get(credential)
        if stack is None:
            self._by_credential[credential] = [connection]
        else:
            stack.append(connection)

    def take(self, credential: str) -> Http1Connection | None:
        """Returns the one that was last used with the credential, None when there is none."""
        stack = self._by_credential.get(credential)
        if stack is None:
            return None
        connection = stack.pop()
        if not stack:
            del self._by_credential[credential]
        del self._credentials[connection]
        return connection

    def take_oldest(self) -> Http1Connection:
        """Returns the one that is idle longest."""
        return self._take(next(iter(self._credentials)))

    def take_all(self, unwanted: Callable[[Http1Connection], bool]) -> list[Http1Connection]:
        """Returns those of which the function says so."""
        return [self._take(connection) for connection in list(self._credentials) if unwanted(connection)]

    def _take(self, connection: Http1Connection) -> Http1Connection:
        credential = self._credentials.pop(connection)
        stack = self._by_credential[credential]
        stack.remove(connection)
        if not stack:
            del self._by_credential[credential]
        return connection


class PooledTransport:
    """A `Transport` that speaks HTTP/1.1 over its own connections.

    As many connections are open as calls are under way, which each source bounds (`max_concurrency`); idle ones are
    bounded here, used last-in first-out so that a surplus ages, and closed after `idle_seconds`. A kept connection is
    used again with the credential that it was opened for and with no other, so that an answer that a source sends late
    or twice never reaches another caller; beyond `max_idle` of an origin the one that was idle longest is closed.
    Requests are reads and may be repeated: one that a kept connection swallowed, closing before a byte of the
    answer, goes out again on a new connection (RFC 9112, 9.3.1).
    """

    def __init__(self, *, idle_seconds: float = IDLE_SECONDS, max_idle: int = MAX_IDLE_PER_ORIGIN) -> None:
        self._idle_seconds = idle_seconds
        self._max_idle = max_idle
        self._idle: dict[Origin, _IdleConnections] = {}
        self._open: set[Http1Connection] = set()
        self._sweeper: asyncio.TimerHandle | None = None
        self._sweeper_loop: asyncio.AbstractEventLoop | None = None

    @property
    def open_connections(self) -> int:
        """Returns how many connections are open, idle ones included."""
        return len(self._open)

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
        data = request_head(method, target, origin.authority, headers, body)
        head_only = method == "HEAD"
        loop = asyncio.get_running_loop()
        credential = credential_of(headers)
        connection = self._kept(origin, credential, loop)
        if connection is not None:
            try:
                answer = await connection.exchange(data, head_only=head_only, limits=limits, deadline=deadline)
            except ConnectionLost as lost:
                if not lost.unanswered:
                    raise
            else:
                self._keep(origin, credential, connection)
                return answer
        connection = await self._connect(origin, loop, limits, deadline)
        answer = await connection.exchange(data, head_only=head_only, limits=limits, deadline=deadline)
        self._keep(origin, credential, connection)
        return answer

    async def aclose(self) -> None:
        """Closes every connection, those of calls under way too. The transport may be used again."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        self._idle.clear()
        for connection in list(self._open):
            connection.abort()
        # Sockets are closed by the loop's next round.
        await asyncio.sleep(0)

    def _kept(self, origin: Origin, credential: str, loop: asyncio.AbstractEventLoop) -> Http1Connection | None:
        idle = self._idle.get(origin)
        while idle is not None and (connection := idle.take(credential)) is not None:
            if connection.loop is not loop:
                self._open.discard(connection)  # of a loop that has ended: nothing can be closed there any more
            elif connection.idle_since + self._idle_seconds < loop.time() or connection.has_unread():
                connection.abort()
            elif connection.reusable:
                return connection
        return None

    def _keep(self, origin: Origin, credential: str, connection: Http1Connection) -> None:
        if not connection.reusable:
            return
        idle = self._idle.get(origin)
        if idle is None:
            idle = self._idle[origin] = _IdleConnections()
        connection.idle_since = connection.loop.time()
        idle.put(credential, connection)
        if len(idle) > self._max_idle:
            idle.take_oldest().abort()
        if self._sweeper is None or self._sweeper_loop is not connection.loop:
            self._sweep_later(connection.loop)

    def _sweep_later(self, loop: asyncio.AbstractEventLoop) -> None:
        self._sweeper_loop = loop
        self._sweeper = loop.call_later(self._idle_seconds, self._sweep, loop)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        self._sweeper = None
        oldest = loop.time() - self._idle_seconds
        for origin, idle in list(self._idle.items()):
            for connection in idle.take_all(lambda each: not each.reusable or each.idle_since <= oldest):
                connection.abort()
            if not len(idle):
                del self._idle[origin]
        if self._idle:
            self._sweep_later(loop)

    async def _connect(
        self, origin: Origin, loop: asyncio.AbstractEventLoop, limits: Limits, deadline: float
    ) -> Http1Connection:
        connection = Http1Connection(loop, self._open.discard)
        try:
            context = tls_context(origin.ca_file) if origin.scheme == "https" else None
            async with asyncio.timeout_at(min(deadline, loop.time() + limits.connect_timeout)):
                await loop.create_connection(
                    lambda: connection,
                    origin.host,
                    origin.port,
                    ssl=context,
                    server_hostname=origin.host if context is not None else None,
                )
        except TimeoutError as error:
            raise TimedOut("connect") from error
        except ssl.SSLCertVerificationError as error:
            raise ConnectFailed("its TLS certificate is not trusted; see ca_file", lasting=True) from error
        except ssl.SSLError as error:
            raise ConnectFailed("no TLS connection", lasting=True) from error
        except socket.gaierror as error:
            raise ConnectFailed("its host name is not known") from error
        except ConnectionRefusedError as error:
            raise ConnectFailed("connection refused") from error
        except (OSError, UnicodeError) as error:
            raise ConnectFailed("no connection") from error
        self._open.add(connection)
        return connection
