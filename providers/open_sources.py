"""From the `[[sources]]` tables to sources that can be asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import httpx

from providers.cache.store import Cache
from providers.http.connection_pool import PooledTransport, tls_context
from providers.http.credential import Credential
from providers.http.httpx_transport import HttpxTransport
from providers.http.proxy import environment_proxy
from providers.http.transport import Transport, origin_of
from providers.registry import PROVIDERS
from providers.resilience.rate_limiter import SharedLimits
from providers.settings import SourceSettings
from providers.source import Source
from providers.spi.record import SourceRecord, global_id

__all__ = ["SourceConfigurationError", "open_sources"]


class SourceConfigurationError(ValueError):
    """A `[[sources]]` table that cannot be used. The text is one line: source, key and `problem`, no credential.

    `problem` says what was expected, and of the value what can be shown.
    """

    def __init__(self, source: str, key: str, problem: str) -> None:
        super().__init__(f"source {source!r}: {key}: {problem}")
        self.source = source
        self.key = key
        self.problem = problem


def open_sources(
    settings: Sequence[SourceSettings],
    environ: Mapping[str, str],
    *,
    transport: Transport | httpx.AsyncBaseTransport | None = None,
    cache: Cache | None = None,
    shared_limits: Callable[[SourceSettings], SharedLimits] | None = None,
) -> list[Source]:
    """Returns the sources in their order, with the credentials that `environ` holds now. Makes no connection.

    `transport` is for tests; without it sources share one pool, and those behind a proxy, their own or the
    environment's, get a transport through it. `shared_limits` gives each source's limits over several processes.
    Raises SourceConfigurationError.
    """
    pool = PooledTransport()
    opened: dict[str, Source] = {}
    for entry in settings:
        name = entry.name
        if name in opened:
            raise SourceConfigurationError(name, "name", f"{name!r} is used twice; expected a unique name")
        make = PROVIDERS.get(entry.provider)
        if make is None:
            known = ", ".join(sorted(PROVIDERS))
            raise SourceConfigurationError(name, "provider", f"{entry.provider!r} is unknown; expected one of {known}")
        record = SourceRecord(global_id("Source", name, name), name, entry.provider, entry.default_region)
        carrier = transport if transport is not None else _transport(entry, environ, pool)
        credential = _own_credential(entry, environ)
        limits = shared_limits(entry) if shared_limits is not None else None
        opened[name] = Source(entry, make(entry), record, carrier, cache, credential=credential, shared_limits=limits)
    return list(opened.values())


def _own_credential(settings: SourceSettings, environ: Mapping[str, str]) -> Credential | None:
    variable = settings.token_env
    if variable is None:
        return None
    token = environ.get(variable, "")
    if not token:
        problem = f"the environment variable {variable!r} is not set; expected it to hold the credential"
        raise SourceConfigurationError(settings.name, "token_env", problem)
    try:
        return Credential(token)
    except ValueError as error:
        problem = f"the environment variable {variable!r}: {error}"
        raise SourceConfigurationError(settings.name, "token_env", problem) from error


def _transport(settings: SourceSettings, environ: Mapping[str, str], pool: PooledTransport) -> Transport:
    try:
        origin = origin_of(settings.base_url, settings.ca_file)
    except (ValueError, UnicodeError) as error:
        # Not the value: the path may hold a key.
        problem = "the URL cannot be used; expected an http or https URL with a host"
        raise SourceConfigurationError(settings.name, "base_url", problem) from error
    try:
        context = tls_context(settings.ca_file) if origin.scheme == "https" or settings.ca_file else None
    except OSError as error:
        problem = f"{settings.ca_file!r} cannot be read; expected a file of certificates (PEM)"
        raise SourceConfigurationError(settings.name, "ca_file", problem) from error
    proxy = settings.proxy or environment_proxy(origin, environ)
    if proxy is None:
        return pool
    # httpx would use a kept connection again with any credential; a source of its own has one, callers have many.
    keep = httpx.Limits(max_connections=100, max_keepalive_connections=0 if settings.token_header else 20)
    try:
        return HttpxTransport(
            httpx.AsyncHTTPTransport(proxy=proxy, verify=context or True, trust_env=False, limits=keep)
        )
    except (ValueError, ImportError) as error:
        # Not the value: a proxy's URL may hold a password.
        problem = "the proxy's URL cannot be used; expected http://host:port or https://host:port"
        raise SourceConfigurationError(settings.name, "proxy", problem) from error
