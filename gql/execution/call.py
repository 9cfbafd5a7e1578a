"""What the gateway is called with: who asks, what, and with which credentials."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from providers.http.credential import Credential

__all__ = ["Call", "Caller", "GraphQLRequest"]


class Caller(msgspec.Struct, frozen=True):
    """Who asks. `sources` are the names of those the caller may see, None: all."""

    name: str
    sources: frozenset[str] | None = None


class Call(msgspec.Struct, frozen=True):
    """How a request came: who asks, with which credentials for sources, and what its headers wished."""

    caller: Caller
    credentials: Mapping[str, Credential]
    fresh: bool = False
    explain: bool = False
    get: bool = False


class GraphQLRequest(msgspec.Struct, frozen=True, rename="camel"):
    """One operation as a client asks it: with the text of its document, or the id of a persisted one."""

    query: str | None = None
    operation_name: str | None = None
    variables: dict[str, Any] | None = None
    extensions: dict[str, Any] | None = None
    document_id: str | None = None

    def persisted_id(self) -> str | None:
        """Returns the id of the persisted document asked for; Apollo's clients have it in `extensions`."""
        if self.document_id is not None or self.query is not None:
            return self.document_id
        found = self.apollo_id()
        return found if isinstance(found, str) else None

    def apollo_id(self) -> Any:
        """Returns `extensions.persistedQuery.sha256Hash`, whatever it is; None when there is none."""
        persisted = (self.extensions or {}).get("persistedQuery")
        return persisted.get("sha256Hash") if isinstance(persisted, dict) else None
