"""One account's calls: limits, time-outs, retries and the circuit around a transport, and every failure in words.

The first attempt of a call goes straight through; what costs something (retrying, waiting for a slot, asking an open
circuit) begins where it is needed.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime
from time import perf_counter
from typing import TypeAlias
from urllib.parse import urlsplit

import msgspec

from providers.http.credential import reveals
from providers.http.transport import (
    Answer,
    BodyTooLarge,
    ConnectFailed,
    ConnectionLost,
    Headers,
    Limits,
    TimedOut,
    Transport,
    TransportError,
    credential_of,
    origin_of,
)
from providers.http.urls import Unaddressable, encoded_path, redirected, target
from providers.resilience.circuit_breaker import CircuitBreaker, Permit
from providers.resilience.health import SourceHealth
from providers.resilience.rate_limited import RateLimited, RateLimitedCredentials
from providers.resilience.rate_limiter import Gate, NoFreeSlot, RateExceeded, SharedLimits
from providers.resilience.retry import RetryBudget, again, is_repeatable
from providers.resilience.status_errors import refusal, retry_after
from providers.settings import SourceSettings
from providers.spi.errors import (
    Retriable,
    SourceBadRequest,
    SourceError,
    SourceInvalidResponse,
    SourceRateLimited,
    SourceTimeout,
    SourceUnavailable,
)
from providers.spi.request import Request, Response

# Called after every attempt with its status (None: no answer), its milliseconds, and whether a cache gave it.
OnAttempt: TypeAlias = Callable[[int | None, float, bool], None]

_MAX_REDIRECTS = 3
# The target of a request, its path and query: more is not sent. One that is longer than servers commonly take, its
# body counted too, and that a source breaks off, says nothing of how the source answers others.
MAX_TARGET_BYTES = 16_384
LONG_REQUEST_BYTES = 4_096
_TOO_MANY_REQUESTS = 429
_SAME_INSTANT = 0.001
_REPEATING_REDIRECTS = frozenset({307, 308})
_MISSING = (404, 410)
_REDIRECTS = frozenset({301, 302, 303}) | _REPEATING_REDIRECTS
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_log = logging.getLogger(__name__)


class _Call(msgspec.Struct, gc=False):
    """What stays the same through the attempts of one call. `path` is the encoded target, `end` its deadline,
    `sent` how many exchanges were begun."""

    request: Request
    path: str
    headers: Headers
    end: float
    on_attempt: OnAttempt | None
    conditional: bool
    sent: int = 0
    waited_until: float = 0.0
    """Until when an earlier attempt of this call was told to wait: the next one is made after that."""


class Upstream:
    """Calls to one configured source. `credential_place` is where to look when the credential is refused.

    `clock` gives seconds since the epoch. Raises ValueError when the settings' base_url cannot be used.
    """

    def __init__(
        self,
        settings: SourceSettings,
        transport: Transport,
        credential_place: str,
        clock: Callable[[], float] = time.time,
        shared_limits: SharedLimits | None = None,
    ) -> None:
        self.transport = transport
        self._settings = settings
        self._name = settings.name
        self._credential_place = credential_place
        self._clock = clock
        self._origin = origin_of(settings.base_url, settings.ca_file)
        self._base_path = encoded_path(urlsplit(settings.base_url).path.rstrip("/"))
        self._limits = Limits(
            settings.connect_timeout, settings.read_timeout or settings.timeout, settings.max_response_bytes
        )
        self._gate = Gate(settings.max_concurrency, settings.rate_limit, shared_limits)
        self._budget = RetryBudget()
        self._breaker = CircuitBreaker(settings.circuit_failures, settings.circuit_cooldown)
        self._rate_limited = RateLimitedCredentials()
        self.health = SourceHealth(self._breaker, clock)

    async def exchange(
        self,
        request: Request,
        headers: Headers,
        deadline: float | None,
        on_attempt: OnAttempt | None = None,
        *,
        conditional: bool = False,
    ) -> Response:
        """Returns the answer to a read: 2xx with JSON, or 304 when `conditional`. Raises SourceError.

        Over at `deadline` (the loop's clock) or after the source's own timeout, whichever comes first, with
        everything: waiting for a slot, retries, redirects, reading.
        """
        now = asyncio.get_running_loop().time()
        end = now + self._settings.timeout
        if deadline is not None and deadline < end:
            end = deadline
            if end <= now:
                raise SourceTimeout(self._name, f"{self._name} was not asked: the time for this request was over")
        try:
            path = target(self._base_path, request)
        except Unaddressable as error:
            # An id that no URL can hold names nothing: what the source would say is 404.
            raise SourceBadRequest(self._name, f"{self._name} cannot be asked this: {error}", status=404) from error
        if len(path) > MAX_TARGET_BYTES:
            expected = f"expected at most {MAX_TARGET_BYTES} bytes, got {len(path)}"
            raise SourceBadRequest(self._name, f"{self._name} was not asked: the URL is too long; {expected}")
        if self._rate_limited:
            self._check_rate_limited(headers, 0.0)
        permit = Permit.CALL if self._breaker.is_closed else self._permit()
        self._budget.deposit()
        call = _Call(request, path, headers, end, on_attempt, conditional)
        try:
            response = await self._call(call)
        except SourceError as error:
            error.calls = call.sent
            self._note(request, len(path) + len(request.body or b""), error, permit)
            raise
        except BaseException:
            self._breaker.abandoned(permit)
            raise
        self._breaker.succeeded(permit)
        response.calls = call.sent
        return response

    async def _call(self, call: _Call) -> Response:
        try:
            return await self._attempt(call)
        except Retriable as failure:
            if not is_repeatable(failure):
                raise
            return await again(
                lambda: self._attempt(call),
                failure,
                retries=self._settings.retries,
                deadline=call.end,
                budget=self._budget,
                breaker=self._breaker,
            )

    async def _attempt(self, call: _Call) -> Response:
        try:
            lease = await self._gate.enter(call.end)
        except RateExceeded as error:
            message = f"{self._name} was not asked: its rate_limit leaves no room before the time is over"
            raise SourceRateLimited(self._name, message, retry_after=error.retry_after) from error
        except NoFreeSlot as error:
            message = f"{self._name} was not asked: max_concurrency calls were under way until the time was over"
            raise SourceTimeout(self._name, message) from error
        if self._rate_limited:
            # Once more: others may have been told while this one waited for its slot.
            try:
                self._check_rate_limited(call.headers, call.waited_until)
            except SourceRateLimited:
                self._gate.leave(lease)
                raise
        asked_at = self._rate_limited.clock()
        started = perf_counter()
        status: int | None = None
        try:
            answer = await self._carried(call)
            status = answer.status
        except TransportError as error:
            raise self._failure(error) from error
        finally:
            self._gate.leave(lease)
            milliseconds = (perf_counter() - started) * 1000
            if call.on_attempt is not None:
                call.on_attempt(status, milliseconds, False)
        if status == _TOO_MANY_REQUESTS:
            self._told_to_wait(call, answer, asked_at)
        elif self._rate_limited:
            self._rate_limited.answered(credential_of(call.headers), asked_at)
        return self._accepted(answer, milliseconds, credential_of(call.headers), conditional=call.conditional)

    def _told_to_wait(self, call: _Call, answer: Answer, asked_at: float) -> None:
        wait = retry_after(answer.headers, datetime.fromtimestamp(self._clock(), UTC))
        call.waited_until = self._rate_limited.refused(credential_of(call.headers), wait, asked_at)

    def _check_rate_limited(self, headers: Headers, waited_until: float) -> None:
        wait = self._rate_limited.wait(credential_of(headers))
        if wait > 0 and self._rate_limited.clock() + wait > waited_until + _SAME_INSTANT:
            message = f"{self._name} was not asked: it answered 429 and asked for time; retry in {math.ceil(wait)} s"
            raise SourceRateLimited(self._name, message, retry_after=wait) from RateLimited(wait)

    async def _carried(self, call: _Call) -> Answer:
        send, origin, limits, end = self.transport.send, self._origin, self._limits, call.end
        method, body = call.request.method, call.request.body
        call.sent += 1
        answer = await send(origin, method, call.path, call.headers, body, limits, end)
        if answer.status not in _REDIRECTS:
            return answer
        path = call.path
        for _ in range(_MAX_REDIRECTS):
            if answer.status not in _REDIRECTS or (method != "GET" and answer.status not in _REPEATING_REDIRECTS):
                break
            # To another origin the credential must not go: this one was configured.
            there = redirected(origin, path, answer.headers.get("location", ""))
            if there is None:
                break
            path = there
            call.sent += 1
            answer = await send(origin, method, path, call.headers, body, limits, end)
        return answer

    def _accepted(self, answer: Answer, milliseconds: float, authorization: str, *, conditional: bool) -> Response:
        status = answer.status
        now = self._clock()
        if not (200 <= status < 300 and status != 206) and not (status == 304 and conditional):
            error = refusal(self._name, self._credential_place, answer, datetime.fromtimestamp(now, UTC))
            if error.request_id is not None and reveals(error.request_id, authorization):
                error.request_id = None
            raise error
        body = answer.body
        if status != 304 and body[:1] not in (b"{", b"["):
            body = self._trimmed(body)
        version = answer.headers.get("x-api-version")
        if version is not None and reveals(version, authorization):
            version = None
        self.health.answered(milliseconds, now, version)
        return Response(status, answer.headers, body, now)

    def _trimmed(self, body: bytes) -> bytes:
        text = body.removeprefix(_BYTE_ORDER_MARK).lstrip()
        if text[:1] in (b"{", b"["):
            return text
        what = "an HTML page" if text[:1] == b"<" else "something else" if text else "nothing"
        raise SourceInvalidResponse(self._name, f"{self._name}: expected JSON, got {what}; check base_url", status=200)

    def _permit(self) -> Permit:
        permit = self._breaker.admit()
        if permit is Permit.REFUSED:
            wait = self._breaker.retry_after
            message = f"{self._name} was not asked: it kept failing; the next try is in {wait:.1f} s"
            raise SourceUnavailable(self._name, message, retry_after=wait)
        return permit

    def _note(self, request: Request, request_size: int, error: SourceError, permit: Permit) -> None:
        if request.may_be_missing and error.status in _MISSING:
            self._breaker.succeeded(permit)
            return
        if isinstance(error.__cause__, RateLimited):
            self._breaker.abandoned(permit)  # it was not asked, and has been noted when it said so
            return
        self.health.failed(error)
        match error:
            case SourceRateLimited(status=None) | SourceTimeout(__cause__=NoFreeSlot()):
                self._breaker.abandoned(permit)  # our own limits: the source was not asked
            case SourceUnavailable(__cause__=ConnectionLost()) if request_size > LONG_REQUEST_BYTES:
                self._breaker.abandoned(permit)  # many servers break off what is too long for them
            case SourceUnavailable() | SourceTimeout():
                if self._breaker.failed(permit):
                    _log.warning("source %s: circuit opened (%s)", self._name, error.code.value)
            case _:
                self._breaker.succeeded(permit)

    def _failure(self, error: TransportError) -> SourceError:
        name = self._name
        match error:
            case TimedOut(phase="connect"):
                return SourceTimeout(name, f"{name} could not be connected to in time; check base_url")
            case TimedOut(phase="read"):
                return SourceTimeout(name, f"{name} sent nothing for {self._limits.read_timeout:g} s")
            case TimedOut():
                allowed = f"its timeout is {self._settings.timeout:g} s"
                return SourceTimeout(name, f"{name} did not answer in time; {allowed}")
            case ConnectFailed():
                return SourceUnavailable(name, f"{name} cannot be reached ({error}); check base_url")
            case ConnectionLost():
                return SourceUnavailable(name, f"{name} broke off: {error}")
            case BodyTooLarge():
                remedy = "raise max_response_bytes or lower max_page_size"
                return SourceInvalidResponse(name, f"{name}: expected {error}; {remedy}")
            case _:
                return SourceInvalidResponse(name, f"{name}: expected {error}")
