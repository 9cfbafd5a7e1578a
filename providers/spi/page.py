"""What a provider's decoder makes of one list answer."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from providers.spi.lazy_records import LazyRecords
from providers.spi.record import ContactRecord, TagRecord


class BadRow(msgspec.Struct, frozen=True):
    """A row that could not be decoded: dropped and reported, the others kept (SOURCE_INVALID_RESPONSE).

    `native_id` is None when even the id is unreadable. `reason` names the field and what was expected,
    without the value.
    """

    index: int
    native_id: str | None
    reason: str


class Page(msgspec.Struct):
    """One page of contacts.

    `records` is aligned with the upstream's rows: None stands for a bad row, so that an index in the page is an
    index in the upstream's list. `total`, `page`, `size` and `total_pages` are what the source says, None where
    it says nothing. `next_token` and `has_more` are a cursor source's.
    """

    records: Sequence[ContactRecord | None]
    total: int | None = None
    page: int | None = None
    size: int | None = None
    total_pages: int | None = None
    next_token: str | None = None
    has_more: bool = False
    bad: tuple[BadRow, ...] = ()

    @property
    def row_count(self) -> int:
        """How many rows the answer has."""
        return len(self.records)

    @property
    def native_ids(self) -> list[str]:
        """The rows' ids, "" for a bad one."""
        records = self.records
        if isinstance(records, LazyRecords):
            return records.native_ids()
        return ["" if record is None else record.native_id for record in records]


class Bucket(msgspec.Struct):
    """One stage's part of Tether's bucket answer. `total` counts the whole stage under the same filters."""

    key: str
    native_id: str | None
    name: str | None
    records: list[ContactRecord | None]
    total: int | None
    bad: tuple[BadRow, ...] = ()


class BucketPage(msgspec.Struct):
    """A page of every stage, in the order of the answer."""

    buckets: list[Bucket]

    @property
    def row_count(self) -> int:
        """How many rows the answer has, those of all stages."""
        return sum(len(bucket.records) for bucket in self.buckets)


class TagPage(msgspec.Struct):
    """One page of tags (or groups), aligned like `Page`."""

    records: Sequence[TagRecord | None]
    total: int | None = None
    page: int | None = None
    size: int | None = None
    total_pages: int | None = None
    bad: tuple[BadRow, ...] = ()

    @property
    def row_count(self) -> int:
        """How many rows the answer has."""
        return len(self.records)


class Stage(msgspec.Struct, frozen=True):
    """A stage as a source lists it, in pipeline order."""

    native_id: str | None
    name: str
    color: str | None
    position: int
    pipeline_id: str | None
