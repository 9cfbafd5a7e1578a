"""One HTTP exchange with a source, as providers write it and the shared HTTP layer carries it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from providers.spi.errors import SourceError


class Request(msgspec.Struct, frozen=True):
    """A read. Hashable: equal requests of one operation go out once.

    `path` is joined to the source's base_url. `params` are unencoded names and values in order; brackets in
    names are encoded exactly once by the HTTP layer (trap 14). `body` is JSON text for Tether's read-only POST.
    `may_be_missing`: that there is no such thing (404, 410) is an answer, not a failure of the source.
    """

    method: str
    path: str
    params: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    may_be_missing: bool = False


class Response(msgspec.Struct):
    """An answer with status 200, body decompressed. `headers` has lower-case names.

    `asked_at` (which only an answer by way of a cache has) and `fetched_at` are seconds since the epoch; `stale` says
    that a cache answered past its time because the source could not; `cache_hit` that no call went out for it.
    `calls` is how many exchanges the answer took, with retries and redirects; 0 for one that was kept. Everybody who
    waited for a shared call has its number.
    `failure` is why a stale answer could not be renewed when that was last tried.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    fetched_at: float
    stale: bool = False
    cache_hit: bool = False
    asked_at: float = 0.0
    calls: int = 0
    failure: SourceError | None = None
