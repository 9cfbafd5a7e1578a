"""Which proxy the environment asks for."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address

from providers.transport import Origin


def environment_proxy(origin: Origin, environ: Mapping[str, str]) -> str | None:
    """Returns the proxy's URL from https_proxy, http_proxy or all_proxy (or in capitals), None when there is none.

    no_proxy exempts hosts, with all below them, by name or name:port; "*" exempts all. This machine itself is never
    asked through the environment's proxy.
    """
    proxy = _either(environ, f"{origin.scheme}_proxy") or _either(environ, "all_proxy")
    if not proxy or _is_loopback(origin.host) or _is_exempt(origin, _either(environ, "no_proxy")):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _either(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name) or environ.get(name.upper()) or ""


def _is_exempt(origin: Origin, no_proxy: str) -> bool:
    for entry in no_proxy.lower().replace(",", " ").split():
        name = entry.removesuffix(f":{origin.port}").removeprefix("*.").lstrip(".")
        if entry == "*" or origin.host == name or (name and origin.host.endswith(f".{name}")):
            return True
    return False


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
