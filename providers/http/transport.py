"""What carries requests to an origin, whatever stands under it, and how that can go wrong.

    TransportError
    ├── ConnectFailed      no connection: nothing was sent
    ├── ConnectionLost     the connection ended before the answer was complete
    ├── TimedOut           connect, read or total
    ├── BodyTooLarge       more bytes than allowed, compressed or not
    └── MalformedAnswer    not HTTP, an unknown encoding, damaged compression

`providers.http.connection_pool` speaks HTTP/1.1 itself and is the default; `providers.http.httpx_transport` carries the
same over any httpx transport (proxies, applications under test). Why two: ADR 4, and
docs/performance.md for the figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, TypeAlias
from urllib.parse import urlsplit

import msgspec

Headers: TypeAlias = Sequence[tuple[str, str]]


def credential_of(headers: Headers) -> str:
    """Returns the value of a request's Authorization header, "" without one: who may share its connection."""
    for name, value in headers:
        if name == "Authorization":
            return value
    return ""


class Origin(msgspec.Struct, frozen=True):
    """Where connections go. `host` is ASCII (IDNA), without brackets; `ca_file` replaces the system's certificates."""

    scheme: Literal["http", "https"]
    host: str
    port: int
    ca_file: str | None = None

    @property
    def authority(self) -> str:
        """Returns the value of the Host header: without the scheme's own port (RFC 9110, 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


_DEFAULT_PORTS = {"http": 80, "https": 443}


def origin_of(url: str, ca_file: str | None = None) -> Origin:
    """Returns the origin of an absolute http or https URL. Raises ValueError when it has none."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    if scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("expected an http or https URL with a host")
    host = parts.hostname if parts.hostname.isascii() else parts.hostname.encode("idna").decode("ascii")
    return Origin("https" if scheme == "https" else "http", host, parts.port or _DEFAULT_PORTS[scheme], ca_file)


class Limits(msgspec.Struct, frozen=True):
    """Bounds of one exchange: seconds to connect, seconds of silence, bytes of a body (packed and unpacked)."""

    connect_timeout: float
    read_timeout: float
    max_bytes: int


class Answer(msgspec.Struct):
    """A complete answer of any status. `headers` has lower-case names; `body` is decompressed."""

    status: int
    headers: dict[str, str]
    body: bytes


class Transport(Protocol):
    """Sends one request and reads one answer; follows no redirects, repeats nothing that was answered."""

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
        """Returns the answer. Raises TransportError.

        `target` is the encoded path and query; `headers` are checked by the caller (no line breaks), without Host
        and Content-Length. `deadline` is on the event loop's clock: the call is over by then.
        """

    async def aclose(self) -> None:
        """Closes every connection."""


class TransportError(Exception):
    """An exchange that gave no answer. The text is for clients: it has no address and nothing of the answer."""


class ConnectFailed(TransportError):
    """`lasting`: another attempt ends the same way, e.g. with a certificate that is not trusted."""

    def __init__(self, reason: str, *, lasting: bool = False) -> None:
        super().__init__(reason)
        self.lasting = lasting


class ConnectionLost(TransportError):
    """`unanswered`: not a byte of the answer came, as when a kept connection was closed just before it was used."""

    def __init__(self, *, unanswered: bool) -> None:
        super().__init__("the connection was closed before the answer was complete")
        self.unanswered = unanswered


class TimedOut(TransportError):
    def __init__(self, phase: Literal["connect", "read", "total"]) -> None:
        super().__init__(phase)
        self.phase = phase


class BodyTooLarge(TransportError):
    def __init__(self, max_bytes: int) -> None:
        super().__init__(f"an answer of at most {max_bytes} bytes")
        self.max_bytes = max_bytes


class MalformedAnswer(TransportError):
    """The text says what was expected, e.g. "an answer in HTTP/1.1"."""
