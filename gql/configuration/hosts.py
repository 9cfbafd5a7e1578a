"""Which Host a request may name. A page whose name was made to lead here (DNS rebinding) names its own."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Final

from gql.configuration.settings import ServerSettings

__all__ = ["AnsweredHosts", "answered_hosts", "is_loopback"]

_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:@/?#\s]+)(:[0-9]{0,5})?")
_KEPT: Final = 100


def is_loopback(host: str) -> bool:
    """Returns whether only this machine can reach a server that listens on this host."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class AnsweredHosts:
    """Says whether a Host is one of loopback's names and addresses or of those configured, on whatever port."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = frozenset(name.lower() for name in names)
        # Clients repeat themselves; what is refused is not kept.
        self._known: set[bytes] = set()

    def __call__(self, host: bytes) -> bool:
        """Returns whether a request with this Host is answered."""
        if host in self._known:
            return True
        found = _HOST.fullmatch(host.decode("latin-1").lower())
        if found is None:
            return False
        name = found[1].removesuffix(".")
        if name not in self._names and not is_loopback(name) and not name.endswith(".localhost"):
            return False
        if len(self._known) < _KEPT:
            self._known.add(host)
        return True


def answered_hosts(server: ServerSettings) -> AnsweredHosts | None:
    """Returns which hosts are answered; None: any.

    Any is right where callers prove who they are, and where everybody may ask anyway; `server.hosts` narrows it.
    """
    if server.hosts or (server.auth.mode == "none" and is_loopback(server.host)):
        return AnsweredHosts((*server.hosts, server.host))
    return None
