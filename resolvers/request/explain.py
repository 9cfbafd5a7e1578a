"""The plan of an operation in words, for people who ask why (DESIGN.md 8, "Explain"). No credential gets in here."""

from __future__ import annotations

from typing import Any

import msgspec

from providers.spi.page import BucketPage
from providers.spi.request import Request


class RequestEntry:
    """One upstream request: what was asked, and how each attempt went."""

    __slots__ = ("cache_hit", "milliseconds", "records", "request", "statuses")

    def __init__(self, request: Request) -> None:
        self.request = request
        self.statuses: list[int | None] = []
        self.milliseconds = 0.0
        self.records: int | None = None
        self.cache_hit = False

    def attempt(self, status: int | None, milliseconds: float, cache_hit: bool) -> None:
        self.statuses.append(status)
        self.milliseconds += milliseconds
        self.cache_hit = cache_hit

    def decoded(self, value: Any) -> None:
        if isinstance(value, BucketPage):
            self.records = sum(len(bucket.records) for bucket in value.buckets)
        elif isinstance(value, list):
            self.records = len(value)
        else:
            rows = getattr(value, "records", None)
            self.records = 1 if rows is None else len(rows)

    def document(self) -> dict[str, Any]:
        request = self.request
        entry: dict[str, Any] = {"method": request.method, "path": request.path, "parameters": dict(request.params)}
        if request.body is not None:
            entry["body"] = msgspec.Raw(request.body)
        entry["status"] = self.statuses[-1] if self.statuses else None
        if len(self.statuses) > 1:
            entry["attempts"] = self.statuses
        entry["milliseconds"] = round(self.milliseconds, 3)
        entry["records"] = self.records
        entry["cacheHit"] = self.cache_hit
        return entry


class Explain:
    """Collects, per source, what was planned and every upstream request."""

    def __init__(self) -> None:
        self._plans: dict[str, list[dict[str, Any]]] = {}
        self._requests: dict[str, list[RequestEntry]] = {}

    def plan(self, source: str, field: str, pushed: list[str], residual: list[str], order: str) -> None:
        """Notes how one field's question was split for a source."""
        plans = self._plans.setdefault(source, [])
        entry = {"field": field, "pushed": pushed, "residual": residual, "order": order}
        if entry not in plans:
            plans.append(entry)

    def request(self, source: str, request: Request) -> RequestEntry:
        entry = RequestEntry(request)
        self._requests.setdefault(source, []).append(entry)
        return entry

    def document(self) -> list[dict[str, Any]]:
        """Returns `extensions.plan`: one entry a source, in the order they were met."""
        names = list(dict.fromkeys([*self._plans, *self._requests]))
        return [
            {
                "source": name,
                "plans": self._plans.get(name, []),
                "requests": [entry.document() for entry in self._requests.get(name, [])],
            }
            for name in names
        ]
