"""Tether's stage buckets: a page of every stage in one answer, under `data` or `dataByStatus` (trap 5)."""

from __future__ import annotations

from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from providers.decoding import Count, Decoded, ListDecoder, TolerantDecoder, whole_number
from providers.page import BadRow, Bucket, BucketPage
from providers.provider import InvalidAnswer
from providers.record import ContactRecord, RawRows, SourceRecord
from providers.tether.decode import ROW, Contact, contact_maker
from providers.tether.filters import is_object_id

T = TypeVar("T")

EXPECTED = "data or dataByStatus, an object of stages with their contacts"
_NO_STAGES = (b"", b"null", b"{}")


class _Stage(msgspec.Struct, Generic[T]):
    contacts: list[T] | None
    total: Count = None


class _Names(msgspec.Struct, rename="camel"):
    stage_id_by_name: msgspec.Raw = msgspec.Raw()
    stage_name_by_id: msgspec.Raw = msgspec.Raw()


class _Part(NamedTuple):
    """One stage of an answer: how many rows it has among the answer's, and how many the whole stage has."""

    key: str
    rows: int
    total: Count


class _Stages(_Names, Generic[T]):
    """What both forms have in common: the stages in the order of the answer, their rows one after the other."""

    def stages(self) -> dict[str, _Stage[T] | list[T] | None]:
        raise NotImplementedError

    def rows(self) -> list[T]:
        return [row for stage in self.stages().values() for row in _rows(stage)]

    def parts(self) -> list[_Part]:
        return [
            _Part(key, len(_rows(stage)), stage.total if isinstance(stage, _Stage) else None)
            for key, stage in self.stages().items()
        ]


class _UnderData(_Stages[T], Generic[T]):
    data: dict[str, _Stage[T] | list[T] | None] | None = None
    data_by_status: msgspec.Raw = msgspec.field(name="dataByStatus", default=msgspec.Raw())

    def stages(self) -> dict[str, _Stage[T] | list[T] | None]:
        if self.data is None or (not self.data and bytes(self.data_by_status) not in _NO_STAGES):
            raise InvalidAnswer(f"expected {EXPECTED}")
        return self.data


class _ByStatus(_Stages[T], Generic[T]):
    data_by_status: dict[str, _Stage[T] | list[T] | None] = msgspec.field(name="dataByStatus")

    def stages(self) -> dict[str, _Stage[T] | list[T] | None]:
        return self.data_by_status


_UNDER_DATA = ListDecoder(_UnderData[Contact], _UnderData[msgspec.Raw], ROW, EXPECTED)
_BY_STATUS = ListDecoder(_ByStatus[Contact], _ByStatus[msgspec.Raw], ROW, EXPECTED)
_MAP = TolerantDecoder(dict[str, str])


def buckets_page(body: bytes, source: SourceRecord) -> BucketPage:
    """Returns a page of every stage. Raises InvalidAnswer."""
    make = contact_maker(source, RawRows(body, _raw_rows))
    decoded: Decoded[Any, ContactRecord]
    try:
        decoded = _UNDER_DATA.decode(body, make)
    except InvalidAnswer:
        decoded = _BY_STATUS.decode(body, make)
    names = _StageNames(decoded.envelope)
    buckets: list[Bucket] = []
    start = 0
    for part in decoded.envelope.parts():
        end = start + part.rows
        records = decoded.records[start:end]
        native_id, name = names.resolved(part.key, records)
        bad = tuple(
            BadRow(row.index - start, row.native_id, row.reason) for row in decoded.bad if start <= row.index < end
        )
        buckets.append(Bucket(part.key, native_id, name, records, whole_number("total", part.total), bad))
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
        refs = [record.stage_ref for record in records if record is not None and record.stage_ref is not None]
        if is_object_id(key):
            # A contact may carry a renamed stage's old name, so names are taken from the maps alone.
            return key, None
        return next((ref.native_id for ref in refs if ref.name == key and ref.native_id), None), key


def _rows(stage: _Stage[T] | list[T] | None) -> list[T]:
    rows = stage.contacts if isinstance(stage, _Stage) else stage
    return rows or []


def _raw_rows(body: bytes) -> list[msgspec.Raw]:
    try:
        return _UNDER_DATA.raw_rows(body)
    except InvalidAnswer:
        return _BY_STATUS.raw_rows(body)
