"""What an upstream's status means to a client, in words that name the remedy."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import msgspec

from providers.http.transport import Answer
from providers.spi.errors import (
    SourceBadRequest,
    SourceError,
    SourceForbidden,
    SourceInvalidResponse,
    SourceRateLimited,
    SourceTimeout,
    SourceUnauthenticated,
    SourceUnavailable,
)

_SECONDS = re.compile(r"\d{1,9}(?:\.\d{1,6})?")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/=+-]{1,64}")
_REQUEST_ID_HEADERS = ("x-request-id", "request-id", "x-correlation-id")
LONGEST_RETRY_AFTER = 7 * 86_400.0


class _Problem(msgspec.Struct):
    """The part of RFC 9457's problem document that names the request (AskElephant, trap 4)."""

    request_id: str | None = None


def refusal(source: str, credential: str, answer: Answer, now: datetime) -> SourceError:
    """Returns the error for an answer that is not a success.

    `credential` says where the credential comes from ("SALES_TOKEN", "the header X-Sales-Token"). Nothing of the
    answer's body but its request id gets into the error.
    """
    status = answer.status
    wait = retry_after(answer.headers, now)
    request = request_id(answer)
    later = "" if wait is None else f"; retry in {math.ceil(wait)} s"
    kind, message = _meaning(status, credential)
    if kind in (SourceRateLimited, SourceUnavailable):
        return kind(source, f"{source} {message}{later}", status=status, retry_after=wait, request_id=request)
    return kind(source, f"{source} {message}", status=status, request_id=request)


def _meaning(status: int, credential: str) -> tuple[type[SourceError], str]:
    if status == 401:
        return SourceUnauthenticated, f"refused the credential (401); check {credential}"
    if status == 403:
        return SourceForbidden, f"forbids this to the credential (403); check the permissions of {credential}"
    if status == 404:
        return SourceBadRequest, "does not have what was asked for (404); check base_url"
    if status == 408:
        return SourceTimeout, "gave up waiting for the request (408)"
    if status == 429:
        return SourceRateLimited, "answered 429"
    if status >= 500:
        return SourceUnavailable, f"answered {status}"
    if status >= 400:
        return SourceBadRequest, f"refused the request ({status})"
    if status >= 300 and status != 304:
        return SourceInvalidResponse, f"answered with a redirect ({status}) that leads elsewhere; check base_url"
    return SourceInvalidResponse, f"answered {status}; expected 200 with JSON"


def retry_after(headers: dict[str, str], now: datetime) -> float | None:
    """Returns the seconds that Retry-After asks for, at most a week; None when absent or unreadable.

    A date counts from the answer's own Date where it has one, so that a wrong clock on either side does not matter
    (RFC 9110, 10.2.3).
    """
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    if _SECONDS.fullmatch(text):
        return min(float(text), LONGEST_RETRY_AFTER)
    until = http_date(text)
    if until is None:
        return None
    since = http_date(headers.get("date", "")) or now
    return min(max((until - since).total_seconds(), 0.0), LONGEST_RETRY_AFTER)


def http_date(text: str) -> datetime | None:
    """Returns the instant a date header names, None when it names none (RFC 9110, 5.6.7)."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def request_id(answer: Answer) -> str | None:
    """Returns the upstream's id of the request, from a header or a problem document; None when there is no tidy one."""
    for name in _REQUEST_ID_HEADERS:
        value = answer.headers.get(name)
        if value is not None:
            return value if _REQUEST_ID.fullmatch(value) else None
    if not answer.headers.get("content-type", "").startswith("application/problem+json"):
        return None
    try:
        value = msgspec.json.decode(answer.body, type=_Problem).request_id
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return value if value is not None and _REQUEST_ID.fullmatch(value) else None
