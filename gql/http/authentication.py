"""Who may ask (`server.auth`): nobody in particular, holders of API keys, or of JSON web tokens."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Any, Final, Protocol, cast

import jwt

from gql.configuration.settings import ApiKey, AuthSettings
from gql.execution.call import Caller
from gql.http.jwks import AuthenticationUnavailable, KeySet

__all__ = [
    "Anonymous",
    "ApiKeys",
    "AuthenticationUnavailable",
    "Authenticator",
    "JsonWebTokens",
    "KeySet",
    "Unauthenticated",
    "authenticator",
    "hash_key",
    "new_key",
]

_KEY_HEADER: Final = b"x-api-key"
_LONGEST_CREDENTIAL: Final = 16_384


class Unauthenticated(Exception):
    """The caller did not say who it is, or cannot prove it. `challenge` is for WWW-Authenticate."""

    def __init__(self, message: str, challenge: str) -> None:
        super().__init__(message)
        self.challenge = challenge


class Authenticator(Protocol):
    """Tells who sends a request from its headers (names in lower case)."""

    async def caller(self, headers: Mapping[bytes, bytes]) -> Caller:
        """Returns the caller. Raises Unauthenticated or AuthenticationUnavailable."""

    async def aclose(self) -> None:
        """Ends what is under way."""


def authenticator(settings: AuthSettings) -> Authenticator:
    """Returns the authenticator that `[server.auth]` configures."""
    if settings.mode == "api_keys":
        return ApiKeys(settings.keys)
    if settings.mode == "jwt":
        return JsonWebTokens(settings, KeySet(cast(str, settings.jwks_url)))
    return Anonymous()


class Anonymous:
    """Everybody is the same caller and sees every source."""

    _CALLER: Final = Caller("anonymous")

    async def caller(self, headers: Mapping[bytes, bytes]) -> Caller:
        """Returns the one caller there is."""
        return self._CALLER

    async def aclose(self) -> None:
        """Nothing is under way."""


def new_key() -> str:
    """Returns a new API key: 256 random bits."""
    return f"cg_{secrets.token_urlsafe(32)}"


def hash_key(key: str) -> str:
    """Returns the form of an API key that the configuration holds.

    A plain hash is enough for keys of 256 random bits: there is nothing to guess that a slow hash would protect.
    """
    return f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"


class ApiKeys:
    """Callers by an API key, as `Authorization: Bearer …` or `X-API-Key: …`."""

    _CHALLENGE: Final = 'Bearer realm="contactgraph"'

    def __init__(self, keys: tuple[ApiKey, ...]) -> None:
        self._keys = [
            (key.hash.encode(), Caller(key.name, None if key.sources is None else frozenset(key.sources)))
            for key in keys
        ]

    async def caller(self, headers: Mapping[bytes, bytes]) -> Caller:
        """Returns the key's owner. Raises Unauthenticated. Takes the same time whichever key it is, or none."""
        given = headers.get(_KEY_HEADER) or _bearer(headers)
        if not given or len(given) > _LONGEST_CREDENTIAL:
            raise Unauthenticated("an API key is needed: Authorization: Bearer KEY, or X-API-Key: KEY", self._CHALLENGE)
        hashed = hash_key(given.decode("latin-1")).encode()
        found: Caller | None = None
        for known, caller in self._keys:
            if hmac.compare_digest(known, hashed):
                found = caller
        if found is None:
            raise Unauthenticated("this API key is not known", f'{self._CHALLENGE}, error="invalid_token"')
        return found

    async def aclose(self) -> None:
        """Nothing is under way."""


class JsonWebTokens:
    """Callers by a signed token: issuer, audience, expiry and algorithm as configured."""

    _CHALLENGE: Final = 'Bearer realm="contactgraph"'

    def __init__(self, settings: AuthSettings, keys: KeySet) -> None:
        self._settings = settings
        self._keys = keys

    async def caller(self, headers: Mapping[bytes, bytes]) -> Caller:
        """Returns the token's subject. Raises Unauthenticated or AuthenticationUnavailable."""
        token = _bearer(headers)
        if not token:
            raise Unauthenticated("a token is needed: Authorization: Bearer TOKEN", self._CHALLENGE)
        if len(token) > _LONGEST_CREDENTIAL:
            raise self._refused("the token is too long")
        try:
            header = jwt.get_unverified_header(token)
            # Judged before the issuer is asked for a key.
            if header.get("alg") not in self._settings.algorithms:
                raise self._refused("the token's algorithm is not allowed here")
            key = await self._keys.key(header.get("kid"), header["alg"])
            if key is None:
                raise self._refused("the token's key is not one of the issuer's")
            claims = jwt.decode(
                token,
                key,
                algorithms=list(self._settings.algorithms),
                audience=self._settings.audience,
                issuer=self._settings.issuer,
                leeway=self._settings.leeway,
                options={"require": ["exp", "iss", "aud"]},
            )
        except jwt.ExpiredSignatureError:
            raise self._refused("the token has expired") from None
        except jwt.PyJWTError:
            raise self._refused("the token is not valid here") from None
        return Caller(str(claims.get("sub", "token")), self._sources(claims))

    async def aclose(self) -> None:
        """Ends a reading of the issuer's keys."""
        await self._keys.aclose()

    def _sources(self, claims: Mapping[str, Any]) -> frozenset[str] | None:
        """The names in the configured claim: a list, or words. A token without the claim sees nothing."""
        if self._settings.sources_claim is None:
            return None
        value = claims.get(self._settings.sources_claim)
        names = value.split() if isinstance(value, str) else value if isinstance(value, list) else []
        return frozenset(name for name in names if isinstance(name, str))

    def _refused(self, message: str) -> Unauthenticated:
        return Unauthenticated(message, f'{self._CHALLENGE}, error="invalid_token"')


def _bearer(headers: Mapping[bytes, bytes]) -> bytes | None:
    scheme, _, credential = headers.get(b"authorization", b"").partition(b" ")
    return credential.strip() if scheme.lower() == b"bearer" else None
