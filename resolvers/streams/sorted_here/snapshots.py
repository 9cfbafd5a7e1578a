"""Lists that were read whole and sorted here, kept for a short time: a cache and nothing more (DESIGN.md 5).

A later page of the same walk finds the list as its first page saw it; when the snapshot is gone it is read again and
the position found by its anchors. Never shared between credentials; off where the source's `cache_ttl` is 0.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from time import monotonic
from typing import Any

# A walk's later pages may use a snapshot for this many times the source's cache_ttl.
WALK = 6
_MOST = 64
_MOST_RECORDS = 200_000


class Snapshots:
    """At most 64 lists and 200,000 records in all, the least recently used go first."""

    def __init__(self) -> None:
        self._lists: OrderedDict[Hashable, tuple[float, int, Any]] = OrderedDict()
        self._records = 0

    def get(self, key: Hashable, age: float) -> Any | None:
        """Returns what was kept under the key no longer than `age` seconds ago, or None."""
        entry = self._lists.get(key)
        if entry is None or monotonic() - entry[0] > age:
            return None
        self._lists.move_to_end(key)
        return entry[2]

    def put(self, key: Hashable, records: int, value: Any) -> None:
        """Keeps a list of so many records; one that is too long by itself is not worth all the others."""
        if records > _MOST_RECORDS:
            return
        old = self._lists.pop(key, None)
        if old is not None:
            self._records -= old[1]
        self._lists[key] = monotonic(), records, value
        self._records += records
        while len(self._lists) > _MOST or self._records > _MOST_RECORDS:
            _, (_, count, _) = self._lists.popitem(last=False)
            self._records -= count


SNAPSHOTS = Snapshots()
