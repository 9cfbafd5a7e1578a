"""A source's part of the configuration file (DESIGN.md 2). The whole file is `gql.configuration.file`'s."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

import phonenumbers
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from providers.http.urls import Unaddressable, encoded_path

SourceName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$")]


def _a_region(value: str) -> str:
    if value not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError("expected the code of a country that has phone numbers, such as KE (GB, not UK)")
    return value


Region = Annotated[str, AfterValidator(_a_region)]


class SourceSettings(BaseModel):
    """One `[[sources]]` table. Times are seconds, sizes records or bytes. The credential itself is never in here.

    `timeout` is for a call with all its retries, `read_timeout` for silence within one (None: the whole of it).
    `circuit_failures` of the last 20 calls open the circuit for `circuit_cooldown`; 0: never. `stale_if_error` and
    `stale_while_revalidate` are how long after its time a cached answer may still be given. `ca_file` (PEM) replaces
    the system's certificates. `proxy` may hold a password and is not shown.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: SourceName
    provider: str
    base_url: str
    token_env: str | None = None
    token_header: HeaderName | None = None
    auth_scheme: Literal["bearer", "raw"] = "bearer"
    timeout: float = Field(default=10.0, gt=0, le=300)
    connect_timeout: float = Field(default=5.0, gt=0, le=300)
    read_timeout: float | None = Field(default=None, gt=0, le=300)
    max_concurrency: int = Field(default=8, ge=1, le=1000)
    rate_limit: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    max_page_size: int | None = Field(default=None, ge=1, le=10_000)
    scan_limit: int = Field(default=5_000, ge=1, le=1_000_000)
    cache_ttl: float = Field(default=5.0, ge=0, le=86_400)
    stale_if_error: float = Field(default=0.0, ge=0, le=86_400)
    stale_while_revalidate: float = Field(default=0.0, ge=0, le=86_400)
    max_response_bytes: int = Field(default=10_000_000, ge=1_000, le=1_000_000_000)
    retries: int = Field(default=2, ge=0, le=10)
    circuit_failures: int = Field(default=10, ge=0, le=1000)
    circuit_cooldown: float = Field(default=5.0, gt=0, le=3_600)
    default_region: Region | None = None
    text_collation: Literal["casefold"] | None = None
    search_via: Literal["post", "get"] = "post"
    proxy: str | None = Field(default=None, repr=False)
    ca_file: str | None = None

    @field_validator(
        "timeout",
        "connect_timeout",
        "read_timeout",
        "rate_limit",
        "cache_ttl",
        "stale_if_error",
        "stale_while_revalidate",
        "circuit_cooldown",
        mode="before",
    )
    @classmethod
    def _whole_numbers_are_seconds_too(cls, value: object) -> object:
        return float(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @field_validator("base_url")
    @classmethod
    def _an_http_url(cls, value: str) -> str:
        if not value.isascii() or any(character <= " " or character == "\x7f" for character in value):
            raise ValueError("expected a URL of ASCII characters without blanks (xn--… for other letters in a host)")
        try:
            parts = urlsplit(value)
            port = parts.port
        except ValueError as error:
            raise ValueError("expected a URL with a host and, behind a colon, a port from 1 to 65535") from error
        if port == 0:
            raise ValueError("expected a port from 1 to 65535")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("expected an http or https URL with a host")
        if parts.username or parts.password:
            raise ValueError("expected no credentials in the URL; use token_env")
        if parts.query or parts.fragment:
            raise ValueError("expected a URL without query and fragment")
        try:
            encoded_path(parts.path)
        except Unaddressable as error:
            raise ValueError("expected a URL without . and .. in its path") from error
        return value.rstrip("/")

    @model_validator(mode="after")
    def _one_credential(self) -> SourceSettings:
        if (self.token_env is None) == (self.token_header is None):
            raise ValueError("expected exactly one of token_env and token_header")
        return self
