"""An upstream behind a cache: fresh answers at once, stale ones where that is allowed, one call for equal questions."""

from __future__ import annotations

import time
from collections.abc import Callable
from time import perf_counter

import msgspec

from providers.cache.freshness import freshness
from providers.cache.single_flight import SingleFlight
from providers.cache.store import Cache, StoredAnswer
from providers.http.credential import is_header_value
from providers.http.transport import Headers
from providers.resilience.upstream import OnAttempt, Upstream
from providers.settings import SourceSettings
from providers.spi.errors import Final, Retriable, SourceError, SourceForbidden, SourceTimeout, SourceUnauthenticated
from providers.spi.request import Request, Response

# How long an answer with an ETag is kept beyond its other uses, to be revalidated instead of sent again.
_KEEP_FOR_REVALIDATION = 300.0
# Of so many questions the failure of their last refresh is known.
_MOST_FAILURES = 1_000
_MOST_REFUSALS = 10_000
# What belongs to one message and not to the answer it carries (RFC 9111, 3.1 and 3.2).
_OF_THE_MESSAGE = frozenset(
    {"connection", "content-encoding", "content-length", "keep-alive", "set-cookie", "transfer-encoding"}
)


class CachedUpstream:
    """One source's exchanges by way of `cache`. `clock` gives seconds since the epoch."""

    def __init__(
        self, upstream: Upstream, cache: Cache, settings: SourceSettings, clock: Callable[[], float] = time.time
    ) -> None:
        self.secret = cache.secret
        self._upstream = upstream
        self._cache = cache
        self._name = settings.name
        self._ttl = settings.cache_ttl
        self._stale_if_error = settings.stale_if_error
        self._stale_while_revalidate = settings.stale_while_revalidate
        self._clock = clock
        self._flights: SingleFlight[tuple[bytes, Request], Response] = SingleFlight()
        # Why answers that are given past their time could not be renewed in the background.
        self._failures: dict[tuple[bytes, Request], SourceError] = {}
        # How often each scope's credential was refused.
        self._refusals: dict[bytes, int] = {}

    def refusals(self, scope: bytes) -> int:
        """Returns how often the source has refused a scope's credential: what is kept elsewhere for it under another
        number is over."""
        return self._refusals.get(scope, 0)

    async def exchange(
        self,
        scope: bytes,
        request: Request,
        headers: Headers,
        deadline: float | None,
        on_attempt: OnAttempt | None = None,
        *,
        fresh: bool = False,
    ) -> Response:
        """Returns an answer that is fresh, or `stale` where the settings and the answer allow it. Raises SourceError.

        `scope` is who asks (`providers.cache.store`). With `fresh` the source is asked now, for this caller alone: a
        call that is under way may have been answered before the question was put.
        """
        began = perf_counter()
        stored = await self._cache.get(scope, request)
        if fresh:
            return await self._ask(scope, request, headers, stored, deadline, on_attempt)
        late = 0.0 if stored is None else self._clock() - stored.fresh_until
        if stored is not None and late < 0:
            return _given(stored, began, on_attempt, stale=False)
        if stored is not None and stored.stale_allowed and late < self._stale_while_revalidate:
            self._flights.detach((scope, request), lambda: self._renew(scope, request, headers, stored))
            return _given(stored, began, on_attempt, stale=True, failure=self._failures.get((scope, request)))
        try:
            # The source's own time-out bounds the shared call; each waiter has its own deadline.
            response, started = await self._flights.run(
                (scope, request), lambda: self._ask(scope, request, headers, stored, None, on_attempt), deadline
            )
        except (Retriable, TimeoutError) as error:
            if stored is not None and stored.stale_allowed and late < self._stale_if_error:
                given = _given(stored, began, on_attempt, stale=True)
                given.calls = error.calls if isinstance(error, SourceError) else 0
                return given
            if isinstance(error, Retriable):
                raise
            message = f"{self._name} did not answer in the time left for this request"
            overdue = SourceTimeout(self._name, message)
            overdue.calls = 1  # it goes on for the others who wait
            raise overdue from error
        if started:
            return response
        if on_attempt is not None:
            on_attempt(response.status, (perf_counter() - began) * 1000, True)
        return msgspec.structs.replace(response, cache_hit=True)

    async def forget(self, scope: bytes, request: Request) -> None:
        """Lets the next equal question go out: the answer that was kept turned out to be none."""
        now = self._clock()
        await self._cache.put(scope, request, StoredAnswer(0, {}, b"", now, now, now, False, None), 0.0)

    async def aclose(self) -> None:
        """Cancels the calls under way that only the cache waits for, and those with waiters too."""
        await self._flights.aclose()

    async def _ask(
        self,
        scope: bytes,
        request: Request,
        headers: Headers,
        stored: StoredAnswer | None,
        deadline: float | None,
        on_attempt: OnAttempt | None,
    ) -> Response:
        asked_at = self._clock()
        etag = stored.etag if stored is not None else None
        if etag is not None:
            headers = (*headers, ("If-None-Match", etag))
        try:
            response = await self._upstream.exchange(
                request, headers, deadline, on_attempt, conditional=etag is not None
            )
        except Final as error:
            await self._end(scope, request, error, asked_at, known=stored is not None)
            raise
        if response.status == 304 and stored is not None:
            known = {**stored.headers, **_own_headers(response)}
            response = Response(stored.status, known, stored.body, response.fetched_at, calls=response.calls)
        response.asked_at = asked_at
        await self._store(scope, request, response, asked_at, replaces=stored is not None)
        return response

    async def _renew(self, scope: bytes, request: Request, headers: Headers, stored: StoredAnswer) -> Response:
        """Asks again for an answer that was given past its time, and remembers why that failed."""
        key = (scope, request)
        try:
            response = await self._ask(scope, request, headers, stored, None, None)
        except Retriable as error:
            self._failures.pop(key, None)
            self._failures[key] = error.without_traceback()
            if len(self._failures) > _MOST_FAILURES:
                del self._failures[next(iter(self._failures))]
            raise
        except Final:
            self._failures.pop(key, None)
            raise
        self._failures.pop(key, None)
        return response

    async def _end(self, scope: bytes, request: Request, error: Final, asked_at: float, *, known: bool) -> None:
        """Forgets what a final answer ends: all that was kept for a credential that is refused, else this answer.

        A question that was never allowed (403) says nothing of the others; one that was allowed until now does.
        """
        if isinstance(error, SourceUnauthenticated) or (known and isinstance(error, SourceForbidden)):
            longest = self._ttl + max(self._stale_if_error, self._stale_while_revalidate) + _KEEP_FOR_REVALIDATION
            self._refusals[scope] = self._refusals.pop(scope, 0) + 1
            if len(self._refusals) > _MOST_REFUSALS:
                del self._refusals[next(iter(self._refusals))]
            await self._cache.end(scope, asked_at, longest)
        elif known:
            await self.forget(scope, request)

    async def _store(
        self, scope: bytes, request: Request, response: Response, asked_at: float, *, replaces: bool
    ) -> None:
        allowed = freshness(response.headers, self._ttl, response.fetched_at)
        etag = response.headers.get("etag", "")
        keep = allowed.seconds
        if allowed.stale_allowed:
            keep += max(self._stale_if_error, self._stale_while_revalidate)
        if is_header_value(etag):
            keep += _KEEP_FOR_REVALIDATION
        if not allowed.store:
            keep = 0.0
        if keep <= 0 and not replaces:
            return
        answer = StoredAnswer(
            response.status,
            _own_headers(response),
            response.body,
            asked_at,
            response.fetched_at,
            response.fetched_at + allowed.seconds,
            allowed.stale_allowed,
            etag if is_header_value(etag) else None,
        )
        await self._cache.put(scope, request, answer, keep)


def _own_headers(response: Response) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name not in _OF_THE_MESSAGE}


def _given(
    stored: StoredAnswer,
    began: float,
    on_attempt: OnAttempt | None,
    *,
    stale: bool,
    failure: SourceError | None = None,
) -> Response:
    if on_attempt is not None:
        on_attempt(stored.status, (perf_counter() - began) * 1000, True)
    return Response(
        stored.status, stored.headers, stored.body, stored.fetched_at, stale, True, stored.asked_at, failure=failure
    )
