"""A configured account, ready to be asked: credential, cache and upstream behind one method."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import cast

import httpx

from providers.cache import Cache, StoredAnswer, scope_of
from providers.credential import Credential, is_header_value
from providers.errors import Retriable, SourceInvalidResponse, SourceTimeout, SourceUnauthenticated
from providers.freshness import freshness
from providers.health import SourceHealth
from providers.httpx_transport import HttpxTransport
from providers.provider import InvalidAnswer, Provider
from providers.record import SourceRecord
from providers.request import Request, Response
from providers.settings import SourceSettings
from providers.single_flight import SingleFlight
from providers.transport import Headers, Transport
from providers.upstream import OnAttempt, Upstream
from providers.version import USER_AGENT

__all__ = ["Credential", "OnAttempt", "Source"]

# How long an answer with an ETag is kept beyond its use, to be revalidated instead of sent again.
_KEEP_FOR_REVALIDATION = 300.0
_BASE_HEADERS = (("Accept", "application/json"), ("Accept-Encoding", "gzip"), ("User-Agent", USER_AGENT))


class Source:
    """One `[[sources]]` table at work. Safe for any number of concurrent calls of one event loop.

    `transport` is a `Transport` or any asynchronous httpx transport. `credential` is the one from `token_env`; with
    `token_header` every call brings its caller's. Without `cache`, or with `cache_ttl` 0, every call goes out.
    """

    def __init__(
        self,
        settings: SourceSettings,
        provider: Provider,
        record: SourceRecord,
        transport: Transport | httpx.AsyncBaseTransport,
        cache: Cache | None = None,
        *,
        credential: Credential | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.settings = settings
        self.provider = provider
        self.record = record
        self.name = settings.name
        place = f"the header {settings.token_header}" if settings.token_header else settings.token_env or "token_env"
        carrier = HttpxTransport(transport) if isinstance(transport, httpx.AsyncBaseTransport) else transport
        self._upstream = Upstream(settings, carrier, place, clock)
        self._cache = cache if settings.cache_ttl > 0 else None
        self._clock = clock
        self._flights: SingleFlight[tuple[bytes, Request], Response] = SingleFlight()
        self._credential = credential
        self._headers = self._headers_for(credential) if credential is not None else None
        self._scope = self._scope_for(credential) if credential is not None else b""

    def __repr__(self) -> str:
        return f"Source({self.name!r})"

    @property
    def health(self) -> SourceHealth:
        """Returns how the source has been doing."""
        return self._upstream.health

    @property
    def max_page_size(self) -> int:
        """Returns the largest page to ask for: the setting, at most the documented maximum; else the default."""
        capabilities = self.provider.capabilities
        documented = capabilities.max_page_size
        configured = self.settings.max_page_size
        if configured is None:
            return documented if documented is not None else capabilities.default_max_page_size
        return configured if documented is None else min(configured, documented)

    async def send(
        self,
        request: Request,
        credential: Credential | str | None,
        *,
        deadline: float | None,
        fresh: bool = False,
        on_attempt: OnAttempt | None = None,
    ) -> Response:
        """Returns the answer to a read: 2xx with a JSON body. Raises SourceError.

        `credential` is the caller's, None for a source with its own. `deadline` is on the event loop's clock.
        `fresh`: the caller sent Cache-Control: no-cache, so nothing is given that the source was not asked about now.
        `on_attempt` is called with (status or None, milliseconds, cache hit) after every attempt, for explain.
        """
        if credential is None:
            headers, scope = self._headers, self._scope
            if headers is None:
                raise self._missing_credential()
        else:
            token = self._checked(credential)
            headers, scope = self._headers_for(token), b"" if self._cache is None else self._scope_for(token)
        if request.body is not None or request.headers:
            headers = _with_extra(headers, request)
        if self._cache is None:
            return await self._upstream.exchange(request, headers, deadline, on_attempt)
        return await self._cached(self._cache, scope, request, headers, deadline, fresh, on_attempt)

    def invalid(self, error: InvalidAnswer) -> SourceInvalidResponse:
        """Returns the error for an answer that the provider's decoder could not take, and notes it in `health`."""
        failure = SourceInvalidResponse(self.name, f"{self.name}: {error}")
        failure.__cause__ = error
        self.health.failed(failure)
        return failure

    async def aclose(self) -> None:
        """Ends the calls under way for the cache, and the transport's connections."""
        await self._flights.aclose()
        await self._upstream.transport.aclose()

    # Caching

    async def _cached(
        self,
        cache: Cache,
        scope: bytes,
        request: Request,
        headers: Headers,
        deadline: float | None,
        fresh: bool,
        on_attempt: OnAttempt | None,
    ) -> Response:
        began = perf_counter()
        stored = await cache.get(scope, request)
        if fresh:
            # Not shared with calls under way either: their question may have been answered before this one was put.
            return await self._refresh(cache, scope, request, headers, stored, deadline, on_attempt)
        now = self._clock()
        late = 0.0 if stored is None else now - stored.fresh_until
        if stored is not None and late < 0:
            return _hit(stored, began, on_attempt, stale=False)

        async def refresh() -> Response:
            # Its own time-out bounds the shared call; each waiter has its own deadline.
            return await self._refresh(cache, scope, request, headers, stored, None, on_attempt)

        if stored is not None and stored.stale_allowed and late < self.settings.stale_while_revalidate:
            self._flights.detach((scope, request), refresh)
            return _hit(stored, began, on_attempt, stale=True)
        try:
            return await self._shared(scope, request, refresh, began, deadline, on_attempt)
        except Retriable:
            if stored is not None and stored.stale_allowed and late < self.settings.stale_if_error:
                return _hit(stored, began, on_attempt, stale=True)
            raise
