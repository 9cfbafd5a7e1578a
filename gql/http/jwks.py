"""An issuer's public keys (JWKS, RFC 7517): read when they are needed, kept when the issuer does not answer."""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from typing import Any, Final

import httpx
import jwt
import msgspec

__all__ = ["AuthenticationUnavailable", "KeySet"]

logger = logging.getLogger(__name__)

_LARGEST_SET: Final = 1_000_000

# ImportError: a proxy of the environment may be of a kind that needs a further package.
_UNREADABLE: Final = (httpx.HTTPError, httpx.InvalidURL, ImportError, OSError, RecursionError, ValueError)

_KEY_OF: Final = {
    **{f"{family}{bits}": ("RSA", None) for family in ("RS", "PS") for bits in (256, 384, 512)},
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", None),
}
"""The type of key, and the curve where it matters, that an algorithm needs (RFC 7518, 3.1; RFC 8037, 3.1)."""

_KEY_TYPES: Final = tuple({key_type for key_type, _ in _KEY_OF.values()})


class AuthenticationUnavailable(Exception):
    """Nobody can be authenticated for now: the issuer's keys could not be read."""


class KeySet:
    """The keys at a URL, read when they are first needed, when an unknown one is named, and every `refresh` seconds.

    A reading has `timeout` seconds. `burst` of them may follow each other at once, then one comes free every `pause`
    seconds: tokens with made-up key ids cannot make us call the issuer without end. A known key never waits for the
    issuer: it stays usable for `keep` seconds after the last reading that succeeded, and is read anew beside.
    """

    def __init__(
        self,
        url: str,
        *,
        refresh: float = 300.0,
        burst: int = 3,
        pause: float = 10.0,
        keep: float = 86_400.0,
        timeout: float = 5.0,
    ) -> None:
        self._url = url
        self._tls = ssl.create_default_context()
        self._refresh = refresh
        self._burst = burst
        self._pause = pause
        self._keep = keep
        self._timeout = timeout
        self._keys: list[_IssuerKey] = []
        self._read_at = float("-inf")
        self._free_readings = float(burst)
        self._counted_at = time.monotonic()
        self._reading: asyncio.Task[None] | None = None

    async def key(self, key_id: str | None, algorithm: str) -> jwt.PyJWK | None:
        """Returns the key with this id that the algorithm can use (without an id: the only key), None without one.

        Raises AuthenticationUnavailable when the keys cannot be read and none are left from before.
        """
        known = self._find(key_id)
        age = time.monotonic() - self._read_at
        if not known or age > self._keep:
            reading = self._start_reading()
            if reading is not None:
                # Others wait for it too: who gives up must not end it for them.
                await asyncio.shield(reading)
            known = self._find(key_id)
        elif age > self._refresh:
            self._start_reading()
        if time.monotonic() - self._read_at > self._keep:
            raise AuthenticationUnavailable("the issuer's keys cannot be read")
        return next((made for each in known if (made := each.made_for(algorithm)) is not None), None)

    async def aclose(self) -> None:
        """Ends a reading that is under way."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])

    def _find(self, key_id: str | None) -> list[_IssuerKey]:
        if key_id is None and len(self._keys) == 1:
            return self._keys
        return [key for key in self._keys if key.id == key_id]

    def _start_reading(self) -> asyncio.Task[None] | None:
        """The reading under way, or a new one; None when there were too many of late."""
        if self._reading is None or self._reading.done():
            now = time.monotonic()
            self._free_readings = min(self._burst, self._free_readings + (now - self._counted_at) / self._pause)
            self._counted_at = now
            if self._free_readings < 1:
                return None
            self._free_readings -= 1
            self._reading = asyncio.create_task(self._read())
        return self._reading

    async def _read(self) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                self._keys = _usable_keys(await self._fetched())
        except _UNREADABLE as error:
            logger.warning("the keys of server.auth.jwks_url cannot be read: %s", type(error).__name__)
        else:
            self._read_at = time.monotonic()

    async def _fetched(self) -> bytes:
        async with (
            httpx.AsyncClient(verify=self._tls, timeout=self._timeout) as client,
            client.stream("GET", self._url, headers={"Accept": "application/json"}) as answer,
        ):
            answer.raise_for_status()
            body = bytearray()
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > _LARGEST_SET:
                    raise ValueError("too many keys")
            return bytes(body)


class _IssuerKey:
    """One key of a set. `id` is None for a key without."""

    def __init__(self, jwk: dict[str, Any]) -> None:
        """Raises jwt.PyJWTError and others for what is no key."""
        self.id: str | None = msgspec.convert(jwk.get("kid"), str | None)
        self._algorithm = msgspec.convert(jwk.get("alg"), str | None)
        self._jwk = jwk
        made = jwt.PyJWK(jwk)
        self._made = {made.algorithm_name: made}

    def made_for(self, algorithm: str) -> jwt.PyJWK | None:
        """Returns the key for one of the algorithms that can be configured, None when it is for another.

        PyJWT verifies by the algorithm that the key was made with, not by the token's: RS256 for every RSA key whose
        `alg` is not said.
        """
        key_type, curve = _KEY_OF[algorithm]
        if self._algorithm not in (None, algorithm) or self._jwk.get("kty") != key_type:
            return None
        if curve is not None and self._jwk.get("crv") != curve:
            return None
        made = self._made.get(algorithm)
        if made is None:
            made = self._made[algorithm] = jwt.PyJWK(self._jwk, algorithm)
        return made


class _Set(msgspec.Struct):
    keys: list[Any]


def _usable_keys(body: bytes) -> list[_IssuerKey]:
    """The keys that verify signatures. Raises one of _UNREADABLE when there are none, or it is no set."""
    keys = []
    for jwk in msgspec.json.decode(body, type=_Set).keys:
        if not isinstance(jwk, dict) or jwk.get("use") not in (None, "sig") or jwk.get("kty") not in _KEY_TYPES:
            continue
        try:
            keys.append(_IssuerKey(jwk))
        except Exception:  # noqa: BLE001, S112  whatever PyJWT makes of an odd key: the others are none the worse
            continue
    if not keys:
        raise ValueError("no usable keys")
    return keys
