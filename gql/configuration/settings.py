"""The `[server]` part of the configuration file as frozen settings (DESIGN.md 2). Sources are `providers.settings`'."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Final, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from providers.settings import SourceName
from providers.spi.budget import BudgetLimits, Counter

__all__ = [
    "ApiKey",
    "AuthSettings",
    "CacheSettings",
    "DocumentSettings",
    "LimitSettings",
    "ServerSettings",
    "Table",
    "TelemetrySettings",
    "Tuple",
]

T = TypeVar("T")

Tuple = Annotated[tuple[T, ...], BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value)]
"""TOML's lists for strict, immutable tuples; everything else is left for pydantic to refuse."""

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Asymmetric alone: with a symmetric one, whoever can check a token can make one."""


def _like(pattern: str, expected: str) -> AfterValidator:
    matcher = re.compile(pattern)

    def check(value: str) -> str:
        if not matcher.fullmatch(value):
            raise ValueError(f"expected {expected}")
        return value

    checked: Final[Callable[[str], str]] = check
    return AfterValidator(checked)


Text = Annotated[str, StringConstraints(min_length=1)]
EnvironmentName = Annotated[str, _like("[A-Za-z_][A-Za-z0-9_]*", "the name of an environment variable")]
KeyHash = Annotated[
    str, _like("sha256:[0-9a-f]{64}", '"sha256:" and 64 hexadecimal digits, as `contactgraph key` prints')
]
Origin = Annotated[
    str, _like(r"https?://([A-Za-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?", "an origin such as https://app.example.com")
]
HostName = Annotated[
    str, _like(r"[A-Za-z0-9_.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]", "a host without a port, such as contacts.example.com")
]
KeysUrl = Annotated[
    str,
    _like(
        r"https://[^/@\s]+(/\S*)?|http://(localhost|127\.[0-9.]+|\[::1\])(:[0-9]+)?(/\S*)?",
        "an https URL without credentials (http on loopback alone)",
    ),
]


class Table(BaseModel):
    """A TOML table: unknown keys are mistakes, texts are no numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ApiKey(Table):
    """One `[[server.auth.keys]]` table: who may ask, by the SHA-256 of a key (`contactgraph key` makes both).

    `sources` are those this caller may see; all when it is not given.
    """

    name: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    hash: KeyHash
    sources: Tuple[SourceName] | None = None


class AuthSettings(Table):
    """`[server.auth]`: who may ask.

    `allow_anonymous` lets mode "none" listen on more than loopback. `sources_claim` is the claim with the names of
    the sources a caller may see; without it everybody sees all. `leeway` is in seconds, by which clocks may differ.
    """

    mode: Literal["none", "api_keys", "jwt"] = "none"
    allow_anonymous: bool = False
    keys: Tuple[ApiKey] = ()
    jwks_url: KeysUrl | None = None
    issuer: Text | None = None
    audience: Text | None = None
    algorithms: Tuple[Algorithm] = ("RS256", "ES256")
    sources_claim: Text | None = None
    leeway: float = Field(default=30.0, ge=0, le=300)

    @model_validator(mode="after")
    def _complete(self) -> AuthSettings:
        if self.mode == "api_keys" and not self.keys:
            raise ValueError('expected at least one [[server.auth.keys]] table with mode = "api_keys"')
        missing = [key for key in ("jwks_url", "issuer", "audience") if getattr(self, key) is None]
        if self.mode == "jwt" and missing:
            raise ValueError(f'expected {", ".join(missing)} with mode = "jwt"')
        if self.mode == "jwt" and not self.algorithms:
            raise ValueError('expected at least one of algorithms with mode = "jwt"')
        if self.keys and self.mode != "api_keys":
            raise ValueError(f'expected mode = "api_keys" beside keys, not "{self.mode}"')
        for key in ("jwks_url", "issuer", "audience", "sources_claim"):
            if getattr(self, key) is not None and self.mode != "jwt":
                raise ValueError(f'expected mode = "jwt" beside {key}, not "{self.mode}"')
        names = [key.name for key in self.keys]
        if len(set(names)) < len(names):
            raise ValueError("expected a name of its own for each of keys")
        if len({key.hash for key in self.keys}) < len(self.keys):
            raise ValueError("expected a hash of its own for each of keys: who asks is told apart by it")
        return self


_BUDGET: Final = BudgetLimits()


class LimitSettings(Table):
    """`[server.limits]`: what one request may ask, checked before it is executed, and what it may use (`BudgetLimits`).

    `request_timeout` is in seconds, `body_bytes` and `document_bytes` in bytes, `cost` as
    `gql.execution.query_cost` counts it, `batch` in operations a body (1: no batching).
    `introspection = false` also takes suggestions from error messages.
    """

    request_timeout: float = Field(default=30.0, gt=0, le=600)
    body_bytes: int = Field(default=1_000_000, ge=100)
    json_depth: int = Field(default=64, ge=1, le=500)
    document_bytes: int = Field(default=100_000, ge=10)
    tokens: int = Field(default=3_000, ge=10)
    depth: int = Field(default=20, ge=1, le=200)
    aliases: int = Field(default=100, ge=0)
    root_fields: int = Field(default=50, ge=1)
    conditions: int = Field(default=1_000, ge=1)
    operands: int = Field(default=10_000, ge=1)
    cost: int = Field(default=25_000, ge=1)
    batch: int = Field(default=1, ge=1, le=100)
    introspection: bool = True
    upstream_calls: int = Field(default=_BUDGET.upstream_calls, ge=1, le=1_000_000)
    rows: int = Field(default=_BUDGET.rows, ge=100, le=1_000_000_000)
    evaluations: int = Field(default=_BUDGET.evaluations, ge=1_000, le=1_000_000_000)
    objects: int = Field(default=_BUDGET.objects, ge=100, le=1_000_000_000)
    answer_bytes: int = Field(default=_BUDGET.answer_bytes, ge=1_000, le=1_000_000_000)

    @property
    def budget(self) -> BudgetLimits:
        """What one operation may use while it runs."""
        return BudgetLimits(**{counter.value: getattr(self, counter.value) for counter in Counter})


class CacheSettings(Table):
    """`[server.cache]`: answers of the sources (`max_bytes`, Redis), and parsed documents.

    `document_bytes` counts the texts of the documents kept, `document_nodes` the nodes of their syntax trees, each of
    which takes about 300 bytes. A document that is refused is kept with its errors alone.
    """

    max_bytes: int = Field(default=64_000_000, ge=0)
    redis_url_env: EnvironmentName | None = None
    documents: int = Field(default=1_000, ge=1)
    document_bytes: int = Field(default=2_000_000, ge=1)
    document_nodes: int = Field(default=200_000, ge=1)


class TelemetrySettings(Table):
    """`[server.telemetry]`: the page at /metrics, and how much is logged."""

    metrics: bool = True
    log_level: Literal["debug", "info", "warning", "error"] = "info"


class DocumentSettings(Table):
    """`[server.documents]`: documents known beforehand, asked for by `documentId`.

    `manifest` is a JSON file of ids and texts, or a directory of `<id>.graphql` files; relative to the configuration
    file. `only` refuses every other document.
    """

    manifest: str | None = None
    only: bool = False

    @model_validator(mode="after")
    def _something_to_allow(self) -> DocumentSettings:
        if self.only and self.manifest is None:
            raise ValueError("expected manifest with only = true")
        return self


class ServerSettings(Table):
    """`[server]`.

    `explain` answers `X-Contactgraph-Explain: 1` with the plan. `projection = false` leaves every answer to
    graphql-core; the answers are the same. `origins` are those of web pages that may ask from another site (CORS).
    `hosts` are the names in Host that are answered beside loopback's. `unsent_bytes` bounds the answers of which
    clients have not taken the last byte, all connections of a worker together.
    """

    host: Annotated[str, StringConstraints(min_length=1, max_length=255)] = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65_535)
    cursor_key_env: EnvironmentName | None = None
    explain: bool = False
    graphiql: bool = True
    projection: bool = True
    origins: Tuple[Origin] = ()
    hosts: Tuple[HostName] = ()
    unsent_bytes: int = Field(default=128_000_000, ge=1_000_000)
    auth: AuthSettings = AuthSettings()
    limits: LimitSettings = LimitSettings()
    cache: CacheSettings = CacheSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    documents: DocumentSettings = DocumentSettings()
