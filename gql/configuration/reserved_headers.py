"""Headers of a request that already have a meaning: a source's `token_header` cannot be one of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gql.configuration.settings import AuthSettings

_READ: Final[Mapping[str, frozenset[str]]] = {
    "none": frozenset(),
    "api_keys": frozenset({"authorization", "x-api-key"}),
    "jwt": frozenset({"authorization"}),
}
# What HTTP, browsers or the gateway itself read in a request: no credential can stand there as well.
MEANT_OTHERWISE: Final = frozenset(
    [
        "accept",
        "accept-charset",
        "accept-encoding",
        "accept-language",
        "access-control-request-headers",
        "access-control-request-method",
        "alt-svc",
        "cache-control",
        "connection",
        "content-encoding",
        "content-language",
        "content-length",
        "content-type",
        "date",
        "expect",
        "forwarded",
        "host",
        "http2-settings",
        "keep-alive",
        "origin",
        "pragma",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "range",
        "referer",
        "sec-fetch-dest",
        "sec-fetch-mode",
        "sec-fetch-site",
        "sec-fetch-user",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "via",
        "x-contactgraph-explain",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
    ]
)


def credential_headers(settings: AuthSettings) -> frozenset[str]:
    """Returns the headers, in lower case, in which callers prove who they are."""
    return _READ[settings.mode]
