"""Contacts that a scan has passed, kept for a short time: where no endpoint finds one by its id (DESIGN.md 9).

A cache and nothing more, never shared between credentials, and off where the source's `cache_ttl` is 0.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from time import monotonic
from weakref import WeakKeyDictionary

import msgspec

from providers.source import Source
from providers.spi.record import ContactRecord

# Contacts and misses a source: a scan of the default limit, of two callers.
_MOST = 10_000


class Kept(msgspec.Struct, frozen=True):
    """What is known of an id: its contact, or that there is none."""

    at: float
    contact: ContactRecord | None


class SeenContacts:
    """One source's contacts by credential and id, the oldest first."""

    def __init__(self, ttl: float) -> None:
        self._ttl = ttl
        self._kept: OrderedDict[tuple[Hashable, str], Kept] = OrderedDict()

    def get(self, credential: Hashable, native_id: str) -> Kept | None:
        """Returns what was found out no longer ago than the time to live, or None."""
        kept = self._kept.get((credential, native_id))
        return kept if kept is not None and monotonic() - kept.at <= self._ttl else None

    def put(self, credential: Hashable, native_id: str, contact: ContactRecord | None) -> None:
        """Keeps a contact, or that there is none."""
        if self._ttl <= 0:
            return
        now = monotonic()
        self._kept[credential, native_id] = Kept(now, contact)
        self._kept.move_to_end((credential, native_id))
        while self._kept:
            oldest = next(iter(self._kept.values()))
            if len(self._kept) <= _MOST and now - oldest.at <= self._ttl:
                return
            self._kept.popitem(last=False)


_SEEN: WeakKeyDictionary[Source, SeenContacts] = WeakKeyDictionary()


def seen_contacts(source: Source) -> SeenContacts:
    """Returns the process's cache of one source."""
    seen = _SEEN.get(source)
    if seen is None:
        seen = _SEEN[source] = SeenContacts(source.settings.cache_ttl)
    return seen
