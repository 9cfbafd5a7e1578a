"""What each operator means on a contact, by examples (DESIGN.md 4). The laws are in test_filter_laws.py."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from providers.spi.provider import FilterRefused
from providers.spi.query import And, Condition, Filter, Not, Operator, Or, Value
from providers.spi.record import ContactRecord, RawRows, Relations, SourceRecord, StageRef, TagRecord, UserRef
from resolvers.planning.phone_numbers import e164
from resolvers.planning.predicate import compiled, fields_of, fold, without_value
from tests.support.world import World

SOURCE = SourceRecord("c291cmNl", "here", "autokonnect", "KE")
PROVIDER = World({"autokonnect": [], "wacr": []}).sources["autokonnect"].provider
WACR = World({"wacr": []}).sources["wacr"].provider
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Said(Relations):
    """What the contact of a test says of other objects."""

    def __init__(
        self,
        stage: StageRef | None,
        tags: list[TagRecord],
        owner: UserRef | None,
        assignees: list[UserRef],
        emails: list[str],
        phones: list[str],
    ) -> None:
        self._stage, self._tags, self._owner, self._assignees = stage, tags, owner, assignees
        self._emails, self._phones = emails, phones

    def emails(self, record: ContactRecord) -> list[str]:
        return self._emails

    def phones(self, record: ContactRecord) -> list[str]:
        return self._phones

    def stage(self, row: Any) -> StageRef | None:
        return self._stage

    def tags(self, row: Any) -> list[TagRecord]:
        return self._tags

    def owner(self, row: Any) -> UserRef | None:
        return self._owner

    def assignees(self, row: Any) -> list[UserRef]:
        return self._assignees


def contact(
    stage: StageRef | None = None,
    tags: list[TagRecord] | None = None,
    owner: UserRef | None = None,
    assignees: list[UserRef] | None = None,
    emails: list[str] | None = None,
    phones: list[str] | None = None,
    **fields: Any,
) -> ContactRecord:
    """A contact that has nothing but what is given."""
    record: dict[str, Any] = dict.fromkeys(ContactRecord.__struct_fields__)
    record |= {"id": "x", "native_id": "1", "source": SOURCE, "raws": RawRows(b"", lambda body: [])}
    record["relations"] = Said(stage, tags or [], owner, assignees or [], emails or [], phones or [])
    return ContactRecord(**(record | fields))


def tag(native_id: str, name: str) -> TagRecord:
    return TagRecord("x", SOURCE, native_id, name)


def holds(record: ContactRecord, field: str, operator: str, value: Value) -> bool:
    return compiled(Condition(field, Operator(operator), value), PROVIDER)(record)


NOBODY = contact()


@pytest.mark.parametrize(
    "field",
    ["firstName", "displayName", "email", "phone", "company", "status", "stage", "tag", "ownerId", "assigneeId"],
)
def test_a_missing_value_equals_contains_and_starts_with_nothing(field: str) -> None:
    assert not any(holds(NOBODY, field, operator, "") for operator in ("eq", "contains", "startsWith"))
    assert not holds(NOBODY, field, "in", ("", "x"))
    assert holds(NOBODY, field, "ne", "")
    assert holds(NOBODY, field, "notIn", ("", "x"))
    assert holds(NOBODY, field, "isNull", True)
    assert not holds(NOBODY, field, "isNull", False)


@pytest.mark.parametrize("operator", ["gt", "gte", "lt", "lte"])
def test_a_missing_date_is_neither_before_nor_after(operator: str) -> None:
    assert not holds(NOBODY, "createdAt", operator, NOON)
    assert compiled(Not(Condition("createdAt", Operator(operator), NOON)), PROVIDER)(NOBODY)


def test_dates_compare_to_the_microsecond() -> None:
    later = contact(created_at=NOON.replace(microsecond=1))
    assert holds(later, "createdAt", "gt", NOON)
    assert not holds(later, "createdAt", "lte", NOON)
    assert holds(later, "createdAt", "gte", later.created_at)
    assert not holds(later, "createdAt", "gt", later.created_at)


@pytest.mark.parametrize("written", ["Zoë", "zoe\u0308", "ZOË", "ZOE\u0308"])
def test_text_compares_after_nfc_and_case_folding(written: str) -> None:
    zoe = contact(first_name=written)
    assert holds(zoe, "firstName", "eq", "zoë")
    assert holds(zoe, "firstName", "startsWith", "ZO")
    assert holds(zoe, "firstName", "contains", "Ë")
    assert not holds(zoe, "firstName", "eq", "zoe")
    assert holds(contact(first_name="Straße"), "firstName", "eq", "STRASSE")
    assert fold("İ") == fold("i\u0307")


def test_ids_compare_exactly() -> None:
    record = contact(owner=UserRef("aB"), assignees=[UserRef("01")])
    assert holds(record, "ownerId", "eq", "aB")
    assert not holds(record, "ownerId", "eq", "ab")
    assert not holds(record, "assigneeId", "eq", "1")


def test_with_several_values_a_positive_operator_holds_when_any_does() -> None:
    two = contact(emails=["ana@example.com", "lee@example.org"])
    assert holds(two, "email", "eq", "LEE@example.org")
    assert holds(two, "email", "contains", "ana@")
    assert holds(two, "email", "in", ("x", "ana@example.com"))


def test_with_several_values_a_negative_operator_holds_when_none_equals() -> None:
    two = contact(emails=["ana@example.com", "lee@example.org"])
    assert not holds(two, "email", "ne", "lee@example.org")
    assert not holds(two, "email", "notIn", ("lee@example.org",))
    assert holds(two, "email", "ne", "lee@example")


def test_tags_and_stages_go_by_id_exactly_and_by_name_as_text() -> None:
    tagged = contact(tags=[tag("aB", "VIP"), tag("42", "Café")])
    for value in ("aB", "vip", "42", "CAFE\u0301"):
        assert holds(tagged, "tag", "eq", value), value
        assert not holds(tagged, "tag", "ne", value), value
    assert not holds(tagged, "tag", "eq", "ab")
    staged = contact(stage=StageRef("64f0", None, None))
    assert holds(staged, "stage", "in", ("64f0",))
    assert not holds(staged, "stage", "isNull", True)
    assert holds(contact(stage=StageRef(None, "New Lead", None)), "stage", "startsWith", "new")


@pytest.mark.parametrize(
    "written", ["+254712345678", "254712345678", "0712 345 678", "(0712) 345678", "00254 712 345678", " +254712345678 "]
)
def test_phones_are_equal_when_they_are_one_number(written: str) -> None:
    record = contact(phones=[written])
    assert holds(record, "phone", "eq", "+254 712 345 678")
    assert holds(record, "phone", "in", ("0712345678",))
    assert not holds(record, "phone", "ne", "0712345678")


def test_what_is_no_number_is_compared_as_text() -> None:
    record = contact(phones=["Ask Ana"])
    assert holds(record, "phone", "eq", "ask ana")
    assert not holds(record, "phone", "eq", "+254712345678")
    assert holds(record, "phone", "contains", "ANA")


@pytest.mark.parametrize(
    ("written", "region", "expected"),
    [
        ("0712345678", "KE", "+254712345678"),
        ("0712345678", None, None),
        ("254712345678", None, "+254712345678"),
        ("00254712345678", None, "+254712345678"),
        ("+254712345678", "US", "+254712345678"),
        ("2125550100", "US", "+12125550100"),
        ("447700900123", "KE", "+447700900123"),
        # A single leading zero opens a national number; it is never an international one.
        ("0447911123456", "KE", None),
        ("", "KE", None),
        ("+", None, None),
        ("12", "KE", None),
    ],
)
def test_a_number_is_read_with_the_sources_region(written: str, region: str | None, expected: str | None) -> None:
    assert e164(written, region) == expected


def test_and_or_and_not_are_plain_logic() -> None:
    ana = contact(first_name="Ana")
    yes, no = Condition("firstName", Operator.EQ, "ana"), Condition("firstName", Operator.EQ, "lee")
    for filter, expected in (
        (And((yes, no)), False),
        (Or((no, yes)), True),
        (Not(no), True),
        (And(()), True),
        (Or(()), False),
        (Not(Or((no, Not(yes)))), True),
    ):
        assert compiled(filter, PROVIDER)(ana) is expected, filter


def test_the_fields_of_a_filter_are_found_at_any_depth() -> None:
    tree: Filter = And((Condition("a", Operator.EQ, 1), Or((Not(Condition("b", Operator.EQ, 1)),)), Or(())))
    assert fields_of(tree) == {"a", "b"}


@pytest.mark.parametrize("operator", [each for each in Operator if each is not Operator.BETWEEN])
def test_what_holds_without_a_value_is_what_the_operator_says(operator: Operator) -> None:
    value: Value = ("x",) if operator in (Operator.IN, Operator.NOT_IN) else operator is Operator.IS_NULL or "x"
    condition = Condition("company", operator, value)
    assert without_value(condition) is compiled(condition, PROVIDER)(NOBODY)


def wacr_contact(status_id: object) -> ContactRecord:
    class Row:
        pass

    row = Row()
    row.status_id = status_id  # type: ignore[attr-defined]
    return contact(row=row)


@pytest.mark.parametrize("operator", ["between", "gt", "gte", "lt", "lte"])
def test_an_id_that_is_no_number_is_in_no_range(operator: str) -> None:
    value: Value = (1, 5) if operator == "between" else 3
    predicate = compiled(Condition("wacr.statusId", Operator(operator), value), WACR)
    assert predicate(wacr_contact("draft")) is False
    assert predicate(wacr_contact("3" if operator in ("between", "gte", "lte") else "2")) is (operator != "gt")


def test_a_filter_that_a_contact_does_not_tell_is_refused() -> None:
    predicate = compiled(Condition("tether.source", Operator.EQ, "x"), PROVIDER)
    with pytest.raises(FilterRefused):
        predicate(NOBODY)
