"""Contacts by id where a source has no endpoint for it: one reading of its list for all who look (DESIGN.md 9)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from aiodataloader import DataLoader

from providers.source import Source
from providers.spi.budget import BudgetExceeded
from providers.spi.errors import ScanLimitExceeded, SourceError, SourceInvalidResponse
from providers.spi.page import BucketPage, Page
from providers.spi.record import ContactRecord
from resolvers.dataloaders.seen_contacts import seen_contacts
from resolvers.planning.plan import plan
from resolvers.reading.paged_list import Rows
from resolvers.reading.whole_list import contact_list, page_sizes
from resolvers.request.operation import Operation

# A list that changed while it was read is read once more before a contact counts as gone.
_PASSES = 2


class Scan(DataLoader[str, Any]):
    """Contacts of one source by native id, None for those that it does not have; for one operation.

    What this operation has seen answers, and what the process remembers; else the list is read, page by page, until
    the last one that is looked for is found. A later question goes on where the reading stopped.
    """

    def __init__(self, operation: Operation, source: Source) -> None:
        super().__init__()
        self._operation = operation
        self._source = source
        self._seen = seen_contacts(source)
        credential = operation.credentials.get(source.name)
        # What was seen before the credential was refused is not given after it.
        self._credential = (credential, source.refusals(credential))
        self._lock = asyncio.Lock()
        self._contacts: dict[str, ContactRecord] = {}
        self._answers = 0
        self._unreadable: dict[str, str] = {}
        self._passes = _PASSES
        self._begin()
        self._list = contact_list(operation, plan(source, filter=None, search=None, orders=(), parts=frozenset()))

    def _begin(self) -> None:
        self._next = 0
        self._ended = False
        self._ids: set[str] = set()
        self._nameless = 0
        self._totals: set[int | None] = set()

    async def batch_load_fn(self, keys: list[str]) -> list[Any]:
        async with self._lock:
            found: dict[str, Any] = {}
            missing = self._left(keys, found)
            try:
                while missing and self._goes_on():
                    await self._read_on()
                    missing = self._left(missing, found)
            except (SourceError, BudgetExceeded) as error:
                found |= dict.fromkeys(missing, error)
            else:
                found |= {key: self._absent(key) for key in missing}
            return [found[key] for key in keys]

    def _left(self, keys: list[str], found: dict[str, Any]) -> list[str]:
        """Puts what is known into `found` and returns the others."""
        self._contacts |= {contact.native_id: contact for contact in self._newly_seen()}
        left: list[str] = []
        for key in keys:
            contact = self._contacts.get(key)
            kept = self._seen.get(self._credential, key) if contact is None and not self._operation.fresh else None
            if contact is not None:
                found[key] = contact
            elif kept is not None:
                found[key] = kept.contact
            else:
                left.append(key)
        return left

    def _newly_seen(self) -> Iterator[ContactRecord]:
        """The contacts in what the source has answered to this operation since the last look."""
        answers = self._operation.answers.get(self._source.name, [])
        new, self._answers = answers[self._answers :], len(answers)
        for answer in new:
            if isinstance(answer, Page):
                pages = [answer.records]
            else:
                pages = [bucket.records for bucket in answer.buckets] if isinstance(answer, BucketPage) else []
            yield from (record for records in pages for record in records if record is not None)

    def _goes_on(self) -> bool:
        if not self._ended:
            return self._next < self._source.settings.scan_limit
        steady = self._totals == {None} or self._totals == {len(self._ids) + self._nameless}
        if steady or self._passes == 1:
            return False
        self._passes -= 1
        self._operation.forget(self._source)
        self._begin()
        return True

    async def _read_on(self) -> None:
        stop = min(self._next + page_sizes(self._source).largest, self._source.settings.scan_limit)
        rows: Rows[ContactRecord] = await self._list.read(self._next, stop)
        for record in rows.records:
            if record is not None:
                self._ids.add(record.native_id)
                self._contacts[record.native_id] = record
                self._seen.put(self._credential, record.native_id, record)
        for row in rows.bad:
            if row.native_id is None:
                self._nameless += 1
            else:
                self._ids.add(row.native_id)
                self._unreadable[row.native_id] = row.reason
        self._totals.add(rows.total)
        self._next += len(rows.records)
        self._ended = rows.ended or not rows.records

    def _absent(self, key: str) -> SourceError | None:
        """Returns what is said of a contact that the reading did not find: None when it is not there."""
        name = self._source.name
        if key in self._unreadable:
            return SourceInvalidResponse(name, f"{name}: the contact cannot be read: {self._unreadable[key]}")
        if not self._ended:
            return ScanLimitExceeded(
                name, f"{name} has no look-up by id; its first {self._next} contacts were read; raise scan_limit"
            )
        self._seen.put(self._credential, key, None)
        return None
