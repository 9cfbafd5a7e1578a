"""Which proxy the environment asks for."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from providers.http.transport import Origin


def environment_proxy(origin: Origin, environ: Mapping[str, str]) -> str | None:
    """Returns the proxy's URL from https_proxy, http_proxy or all_proxy (or in capitals), None when there is none.

    no_proxy exempts hosts, with all below them, by name, .name, *.name or name:port; hosts that are addresses by
    address, [address], address:port or network (10.0.0.0/8, fd00::/8); "*" exempts all. Names are not looked up, so
    that a network covers no host that is given by its name. This machine itself is never asked through the
    environment's proxy.
    """
    proxy = _either(environ, f"{origin.scheme}_proxy") or _either(environ, "all_proxy")
    if not proxy or _is_loopback(origin.host) or _is_exempt(origin, _either(environ, "no_proxy")):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _either(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name) or environ.get(name.upper()) or ""


def _is_exempt(origin: Origin, no_proxy: str) -> bool:
    entries = no_proxy.lower().replace(",", " ").split()
    address = _address(origin.host)
    if address is not None:
        return any(entry == "*" or _covers(entry, address, origin.port) for entry in entries)
    host = origin.host.lower().rstrip(".")
    for entry in entries:
        name = entry.removesuffix(f":{origin.port}").removeprefix("*.").strip(".")
        if entry == "*" or (name and (host == name or host.endswith(f".{name}"))):
            return True
    return False


def _covers(entry: str, address: IPv4Address | IPv6Address, port: int) -> bool:
    """Returns whether an entry is the address, alone, in brackets or with the port, or a network with it in."""
    for text in (entry, entry.removesuffix(f":{port}")):
        try:
            network = ip_network(text.removeprefix("[").removesuffix("]"), strict=False)
        except ValueError:
            continue
        if address in network:
            return True
    return False


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = _address(host)
    return address is not None and address.is_loopback
