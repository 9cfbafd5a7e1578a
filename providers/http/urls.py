"""Writing a request's path and query on the wire, each character encoded exactly once (trap 14)."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import quote, urljoin, urlsplit

from providers.http.transport import Origin, origin_of
from providers.spi.request import Request

# A path comes with its ids already encoded, so that "%" stands for itself (RFC 3986, 3.3).
_PATH_SAFE = "/%:@!$&'()*+,;=~-._"


class Unaddressable(ValueError):
    """A request that no URL can express. The text is for clients."""


@lru_cache(maxsize=512)
def encoded_path(path: str) -> str:
    """Returns the path as it is written in a request line. Raises Unaddressable for "." and ".." segments: a server
    may resolve them, and an id must not choose another endpoint."""
    for segment in path.split("/"):
        if segment.replace("%2e", ".").replace("%2E", ".") in (".", ".."):
            raise Unaddressable("no path may hold a dot segment")
    return quote(path, safe=_PATH_SAFE)


def target(base_path: str, request: Request) -> str:
    """Returns the encoded path and query of a request below `base_path`. Raises Unaddressable."""
    try:
        path = base_path + encoded_path(request.path)
        if not request.params:
            return path or "/"
        query = "&".join([f"{_encoded_name(name)}={_encoded(value)}" for name, value in request.params])
    except UnicodeEncodeError as error:
        raise Unaddressable("a text holds half of a surrogate pair, which UTF-8 cannot express") from error
    return f"{path or '/'}?{query}"


def redirected(origin: Origin, current: str, location: str) -> str | None:
    """Returns the target a redirect leads to, None when it leaves the origin or is no usable URL (RFC 9110, 10.2.2)."""
    if not location:
        return None
    try:
        url = urljoin(f"{origin.scheme}://{origin.authority}{current}", location)
        if origin_of(url, origin.ca_file) != origin:
            return None
        parts = urlsplit(url)
        path = encoded_path(parts.path) or "/"
        query = quote(parts.query, safe=_PATH_SAFE + "?")
    except (ValueError, UnicodeError):
        return None
    return f"{path}?{query}" if query else path


# Parameter names and most paths repeat; values are not kept here, they may be personal data.
@lru_cache(maxsize=512)
def _encoded_name(name: str) -> str:
    return quote(name, safe="")


def _encoded(value: str) -> str:
    return value if value.isascii() and value.isalnum() else quote(value, safe="")
