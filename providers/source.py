"""A configured account, ready to be asked: credential, cache and upstream behind one method."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx

from providers.cache.cached_upstream import CachedUpstream
from providers.cache.store import Cache, scope_of
from providers.http.credential import Credential
from providers.http.httpx_transport import HttpxTransport
from providers.http.transport import Headers, Transport
from providers.http.user_agent import USER_AGENT
from providers.resilience.health import SourceHealth
from providers.resilience.rate_limiter import SharedLimits
from providers.resilience.upstream import OnAttempt, Upstream
from providers.settings import SourceSettings
from providers.spi.errors import SourceInvalidResponse, SourceUnauthenticated
from providers.spi.provider import InvalidAnswer, Provider
from providers.spi.record import SourceRecord
from providers.spi.request import Request, Response

__all__ = ["Credential", "OnAttempt", "Source"]

_BASE_HEADERS = (("Accept", "application/json"), ("Accept-Encoding", "gzip"), ("User-Agent", USER_AGENT))
_JSON = ("Content-Type", "application/json")


class Source:
    """One `[[sources]]` table at work. Safe for any number of concurrent calls of one event loop.

    `transport` is a `Transport` or any asynchronous httpx transport. `credential` is the one from `token_env`; with
    `token_header` every call brings its caller's. Without `cache`, or with `cache_ttl` 0, every call goes out.
    `shared_limits`: this source's rate_limit and max_concurrency over several processes.
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
        shared_limits: SharedLimits | None = None,
    ) -> None:
        self.settings = settings
        self.provider = provider
        self.record = record
        self.name = settings.name
        place = f"the header {settings.token_header}" if settings.token_header else settings.token_env or "token_env"
        carrier = HttpxTransport(transport) if isinstance(transport, httpx.AsyncBaseTransport) else transport
        self._upstream = Upstream(settings, carrier, place, clock, shared_limits)
        self._cached = (
            CachedUpstream(self._upstream, cache, settings, clock)
            if cache is not None and settings.cache_ttl > 0
            else None
        )
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
        credential: Credential | None,
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
            headers, scope = self._headers_for(credential), self._scope_for(credential)
        if request.body is not None:
            headers = (*headers, _JSON)
        if self._cached is None:
            return await self._upstream.exchange(request, headers, deadline, on_attempt)
        return await self._cached.exchange(scope, request, headers, deadline, on_attempt, fresh=fresh)

    def invalid(self, error: InvalidAnswer) -> SourceInvalidResponse:
        """Returns the error for an answer that the provider's decoder could not take, and notes it in `health`."""
        failure = SourceInvalidResponse(self.name, f"{self.name}: {error}")
        failure.__cause__ = error
        self.health.failed(failure)
        return failure

    async def rejected(
        self, request: Request, credential: Credential | None, error: InvalidAnswer
    ) -> SourceInvalidResponse:
        """Returns the error of `invalid`; the answer to this request and credential is not given again by the cache."""
        if self._cached is not None:
            scope = self._scope if credential is None else self._scope_for(credential)
            await self._cached.forget(scope, request)
        return self.invalid(error)

    def refusals(self, credential: Credential | None) -> int:
        """Returns how often the source has refused a credential (None: its own), as far as answers are kept for it."""
        if self._cached is None:
            return 0
        return self._cached.refusals(self._scope if credential is None else self._scope_for(credential))

    async def aclose(self) -> None:
        """Ends the calls under way for the cache, and the transport's connections."""
        if self._cached is not None:
            await self._cached.aclose()
        await self._upstream.transport.aclose()

    def _missing_credential(self) -> SourceUnauthenticated:
        settings = self.settings
        remedy = f"send the header {settings.token_header}" if settings.token_header else f"set {settings.token_env}"
        return SourceUnauthenticated(self.name, f"{self.name} needs a credential; {remedy}")

    def _headers_for(self, credential: Credential) -> Headers:
        return (*_BASE_HEADERS, ("Authorization", credential.authorization(self.settings.auth_scheme)))

    def _scope_for(self, credential: Credential) -> bytes:
        cached = self._cached
        return b"" if cached is None else scope_of(cached.secret, self.name, self.settings.base_url, credential)
