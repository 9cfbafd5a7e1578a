"""Tether's stage buckets: a page of every stage in one answer, under `data` or `dataByStatus` (trap 5)."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from providers.apis.tether.decode import ROW, Contact, contact_maker
from providers.apis.tether.filters import is_object_id
from providers.decoding.rows import (
    Count,
    EitherDecoder,
    ListDecoder,
    Outcome,
    TolerantDecoder,
    refuse_failure,
    whole_number,
)
from providers.spi.page import BadRow, Bucket, BucketPage
from providers.spi.provider import InvalidAnswer
from providers.spi.record import ContactRecord, RawRows, SourceRecord

T = TypeVar("T")

EXPECTED = "data or dataByStatus, an object of stages with their contacts"
_NO_STAGES = (b"", b"null", b"{}")


class _Stage(msgspec.Struct, Generic[T]):
    contacts: list[T] | None
    total: Count = None


class _Names(Outcome, rename="camel", kw_only=True):
    stage_id_by_name: msgspec.Raw = msgspec.Raw()
    stage_name_by_id: msgspec.Raw = msgspec.Raw()


class _UnderData(_Names, Generic[T], kw_only=True):
    data: dict[str, _Stage[T] | list[T] | None] | None = None
    data_by_status: msgspec.Raw = msgspec.field(name="dataByStatus", default=msgspec.Raw())

    def stages(self) -> dict[str, _Stage[T] | list[T] | None]:
        if self.data is None or (not self.data and bytes(self.data_by_status) not in _NO_STAGES):
            raise InvalidAnswer(f"expected {EXPECTED}")
        return self.data

    def rows(self) -> list[T]:
        rows = _one_after_the_other(self.stages())
        refuse_failure(self, rows)
        return rows


class _ByStatus(_Names, Generic[T], kw_only=True):
    data_by_status: dict[str, _Stage[T] | list[T] | None] = msgspec.field(name="dataByStatus")

    def stages(self) -> dict[str, _Stage[T] | list[T] | None]:
        return self.data_by_status

    def rows(self) -> list[T]:
        rows = _one_after_the_other(self.stages())
        refuse_failure(self, rows)
        return rows


_BUCKETS = EitherDecoder(
    ListDecoder(_UnderData[Contact], _UnderData[msgspec.Raw], ROW, EXPECTED),
    ListDecoder(_ByStatus[Contact], _ByStatus[msgspec.Raw], ROW, EXPECTED),
)
_MAP = TolerantDecoder(dict[str, str])


def buckets_page(body: bytes, source: SourceRecord) -> BucketPage:
    """Returns a page of every stage. Raises InvalidAnswer."""
    decoded = _BUCKETS.decode(body, contact_maker(source, RawRows(body, _BUCKETS.raw_rows)))
    names = _StageNames(decoded.envelope)
    buckets: list[Bucket] = []
    start = 0
    for key, stage in decoded.envelope.stages().items():
        end = start + len(_rows(stage))
        records = list(decoded.records[start:end])
        native_id, name = names.resolved(key, records)
        total = whole_number("total", stage.total) if isinstance(stage, _Stage) else None
        bad = tuple(
            BadRow(row.index - start, row.native_id, row.reason) for row in decoded.bad if start <= row.index < end
        )
        buckets.append(Bucket(key, native_id, name, records, total, bad))
        start = end
    return BucketPage(buckets)


class _StageNames:
    """Which stage a bucket is: `stageIdByName` and `stageNameById`, either of which may be partial (trap 6)."""

    def __init__(self, envelope: _Names) -> None:
        ids = _MAP.value(envelope.stage_id_by_name) or {}
        names = _MAP.value(envelope.stage_name_by_id) or {}
        self._ids = {name: native_id for native_id, name in names.items()} | ids
        self._names = {native_id: name for name, native_id in ids.items()} | names

    def resolved(self, key: str, records: list[ContactRecord | None]) -> tuple[str | None, str | None]:
        """Returns the stage's id and name as far as the maps, the key's own form and the stage's contacts tell."""
        if key in self._ids:
            return self._ids[key], key
        if key in self._names:
            return key, self._names[key]
        if is_object_id(key):
            # A contact may carry a renamed stage's old name, so names are taken from the maps alone.
            return key, None
        refs = [record.stage_ref for record in records if record is not None and record.stage_ref is not None]
        return next((ref.native_id for ref in refs if ref.name == key and ref.native_id), None), key


def _rows(stage: _Stage[T] | list[T] | None) -> list[T]:
    rows = stage.contacts if isinstance(stage, _Stage) else stage
    if rows is None and isinstance(stage, _Stage) and stage.total:
        raise InvalidAnswer(f"expected {EXPECTED}")
    return rows or []


def _one_after_the_other(stages: dict[str, _Stage[T] | list[T] | None]) -> list[T]:
    return [row for stage in stages.values() for row in _rows(stage)]
