"""How long an answer may be kept and given again, by its own headers and the source's settings (RFC 9111)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from providers.resilience.status_errors import http_date

_DIRECTIVE = re.compile(r'([A-Za-z-]+)(?:\s*=\s*(?:"([^"]*)"|([^\s,"]+)))?')
_AGE = re.compile(r"\d{1,10}")


class Freshness(msgspec.Struct, frozen=True):
    """`store`: whether the answer may be kept at all; `seconds`: how long it needs no question; `stale_allowed`:
    whether it may be given after that, when the source cannot be asked."""

    store: bool
    seconds: float = 0.0
    stale_allowed: bool = False


def freshness(headers: Mapping[str, str], ttl: float, now: float) -> Freshness:
    """Returns what the answer's headers (lower-case names) allow, at most `ttl` seconds.

    Upstream and operator each set an upper limit: max-age may shorten `ttl`, never lengthen it. The cache is one per
    credential, hence private: `private` and `s-maxage` do not matter to it.
    """
    control = headers.get("cache-control", "")
    if not control and "expires" not in headers and "vary" not in headers:
        return Freshness(True, ttl, True)
    directives = {name.lower(): quoted or plain for name, quoted, plain in _DIRECTIVE.findall(control)}
    if "no-store" in directives or headers.get("vary", "").strip() == "*":
        return Freshness(False)
    stale_allowed = "no-cache" not in directives and "must-revalidate" not in directives
    if "no-cache" in directives:
        return Freshness(True, 0.0, stale_allowed)
    lifetime = _lifetime(headers, directives, now)
    return Freshness(True, ttl if lifetime is None else min(ttl, lifetime), stale_allowed)


def _lifetime(headers: Mapping[str, str], directives: Mapping[str, str], now: float) -> float | None:
    """Returns the seconds the answer stays fresh from now on by what it says itself, None when it says nothing."""
    if "max-age" in directives:
        # What cannot be read counts as stale (RFC 9111, 4.2.1).
        given = _whole(directives["max-age"])
    elif "expires" in headers:
        until = http_date(headers["expires"])
        since = http_date(headers.get("date", "")) or datetime.fromtimestamp(now, UTC)
        given = (until - since).total_seconds() if until is not None else 0.0
    else:
        return None
    return max(given - _whole(headers.get("age", "0")), 0.0)


def _whole(text: str) -> float:
    return float(text) if _AGE.fullmatch(text.strip()) else 0.0
