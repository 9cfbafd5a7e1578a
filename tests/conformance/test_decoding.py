"""Every documented field of an answer has its place, and no row costs more than itself.

The samples are bodies as the API pages describe them, with values of our own: `fields` says where each member of a row
is found (a path in the record or its details, or raw alone), `records` what is expected, `numbers` what stands beside
the rows. A provider without samples fails.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from providers.registry import PROVIDERS
from providers.spi.page import Page
from providers.spi.provider import InvalidAnswer
from providers.spi.record import ContactRecord, SourceRecord
from providers.spi.request import Response
from tests.conformance.subject import Subject

SAMPLES = sorted((Path(__file__).resolve().parents[2] / "providers/apis").glob("*/samples/*.json"))
SAMPLE_NAMES = [f"{path.parent.parent.name}/{path.stem}" for path in SAMPLES]


class Sample:
    """One body, and what is expected of it."""

    def __init__(self, path: Path) -> None:
        told = json.loads(path.read_text(encoding="utf-8"))
        self.provider = Subject(path.parent.parent.name, []).provider
        self.source = SourceRecord("c291cmNl", "here", path.parent.parent.name, "KE")
        self.body: Any = told["body"]
        self.rows_at: list[str] = told["rows"]
        self.fields: dict[str, str] = told["fields"]
        self.numbers: dict[str, Any] = told["numbers"]
        self.records: list[dict[str, Any]] = told["records"]
        self.id_name = next(name for name, place in self.fields.items() if place == "native_id")

    def rows(self, body: Any) -> list[Any]:
        for name in self.rows_at:
            body = body[name]
        rows: list[Any] = body
        return rows

    def with_rows(self, *rows: Any) -> Any:
        """The same body around other rows, wherever it says them (Tether does so twice, trap 5)."""
        original = self.rows(self.body)

        def changed(value: Any) -> Any:
            if value == original:
                return list(rows)
            return {name: changed(member) for name, member in value.items()} if isinstance(value, dict) else value

        return changed(self.body)

    @property
    def row(self) -> dict[str, Any]:
        first: dict[str, Any] = copy.deepcopy(self.rows(self.body)[0])
        return first

    def decoded(self, body: Any) -> Page:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.provider.contacts_page(Response(200, {}, content, 0.0), self.source)

    def value(self, record: ContactRecord, place: str) -> Any:
        """What stands at a path, as JSON."""
        if place == "raw":
            return json.loads(bytes(record.raws.row(record.index)))
        parts = place.split(".")
        found: Any = self.provider.details(record) if parts[0] == "details" else record
        for part in parts[parts[0] == "details" :]:
            found = getattr(found, part)
        return json.loads(msgspec.json.encode(found))


@pytest.fixture(params=SAMPLES, ids=SAMPLE_NAMES)
def sample(request: pytest.FixtureRequest) -> Sample:
    return Sample(request.param)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_provider_has_samples(provider: str) -> None:
    assert any(path.parent.parent.name == provider for path in SAMPLES)


def test_a_sample_becomes_the_expected_records(sample: Sample) -> None:
    page = sample.decoded(sample.body)
    assert page.bad == ()
    assert len(page.records) == len(sample.records)
    for record, expected in zip(page.records, sample.records, strict=True):
        assert record is not None
        assert {place: sample.value(record, place) for place in expected} == expected
    assert {name: getattr(page, name) for name in sample.numbers} == sample.numbers


def test_every_member_of_a_row_has_its_place(sample: Sample) -> None:
    (record, *_) = sample.decoded(sample.body).records
    assert record is not None
    assert set(sample.fields) == set(sample.row)
    for name, place in sample.fields.items():
        assert sample.value(record, place) not in (None, [], {}, ""), name


def test_raw_is_the_row_as_it_was_written(sample: Sample) -> None:
    (record, *_) = sample.decoded(sample.body).records
    assert record is not None
    assert sample.value(record, "raw") == sample.row


def test_the_id_is_the_sources_own_and_the_global_one_names_the_source(sample: Sample) -> None:
    (record, *_) = sample.decoded(sample.body).records
    assert record is not None
    assert record.native_id == str(sample.row[sample.id_name])
    assert record.source is sample.source


@pytest.mark.parametrize("how", ["null", "absent", "empty"])
def test_a_missing_value_is_null_or_an_empty_list_and_costs_nothing_else(sample: Sample, how: str) -> None:
    (whole, *_) = sample.decoded(sample.body).records
    assert whole is not None
    for name, place in sample.fields.items():
        if name == sample.id_name:
            continue
        row = sample.row
        if how == "absent":
            del row[name]
        else:
            row[name] = None if how == "null" else ""
        page = sample.decoded(sample.with_rows(row))
        (record,) = page.records
        assert record is not None, (name, page.bad)
        if place != "raw":
            assert sample.value(record, place) in (None, []), name
        others = [each for each in ("native_id", "created_at", "email", "phone", "first_name") if each != place]
        if place not in ("emails", "phones"):
            assert [sample.value(record, each) for each in others] == [sample.value(whole, each) for each in others]


def test_a_row_with_nothing_but_its_id_is_a_contact(sample: Sample) -> None:
    page = sample.decoded(sample.with_rows({sample.id_name: sample.row[sample.id_name]}))
    (record,) = page.records
    assert record is not None
    assert (record.display_name, record.email, record.phone, record.created_at) == (None, None, None, None)
    assert (record.emails, record.phones, record.tags, record.assignee_refs) == ([], [], [], [])


def test_members_that_no_page_mentions_do_no_harm(sample: Sample) -> None:
    row = {**sample.row, "a_new_member": {"of": ["any", "shape"]}}
    body = sample.with_rows(row)
    if isinstance(body, dict):
        body["another"] = [1]
    page = sample.decoded(body)
    (record,) = page.records
    assert record is not None
    assert sample.value(record, "raw")["a_new_member"] == {"of": ["any", "shape"]}


def bad_rows(sample: Sample) -> list[Any]:
    without_id = {name: value for name, value in sample.row.items() if name != sample.id_name}
    return [
        7,
        None,
        "contact",
        [],
        {},
        without_id,
        {**sample.row, sample.id_name: None},
        {**sample.row, sample.id_name: {}},
    ]


def test_a_bad_row_is_dropped_and_named_and_its_neighbours_stay_in_their_places(sample: Sample) -> None:
    for bad in bad_rows(sample):
        page = sample.decoded(sample.with_rows(sample.row, bad, sample.row))
        assert [record is None for record in page.records] == [False, True, False], bad
        assert [(row.index, row.native_id) for row in page.bad] == [(1, None)]
        after = list(page.records)[2]
        assert after is not None
        assert sample.value(after, "raw") == sample.row


def test_a_bad_row_is_named_by_its_id_and_its_member_without_the_value(sample: Sample) -> None:
    name = next(name for name, place in sample.fields.items() if place == "first_name")
    page = sample.decoded(sample.with_rows({**sample.row, name: {"secret": "4711"}}))
    (bad,) = page.bad
    assert (bad.index, bad.native_id) == (0, str(sample.row[sample.id_name]))
    assert name in bad.reason
    assert "4711" not in bad.reason


def test_no_rows_are_an_empty_page(sample: Sample) -> None:
    page = sample.decoded(sample.with_rows())
    assert (list(page.records), page.bad) == ([], ())


@pytest.mark.parametrize(
    "body", [b"", b"null", b"7", b"[]", b"{}", b'{"data":7}', b"<html>", b'{"data":[{', b"\xff\xfe"]
)
def test_what_is_no_list_of_contacts_is_an_invalid_answer(sample: Sample, body: bytes) -> None:
    with pytest.raises(InvalidAnswer) as caught:
        sample.decoded(body)
    assert "expected" in str(caught.value)
