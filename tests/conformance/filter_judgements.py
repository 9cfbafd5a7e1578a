"""What a capability table claims about filters, held against what the source does (DESIGN.md 4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from unicodedata import normalize

from providers.capability_table import COMMON_FIELDS
from providers.spi.capabilities import FilterRow, Strength
from providers.spi.provider import FilterRefused
from providers.spi.pushdown import PushDown, row_for
from providers.spi.query import Condition, ListQuery, Operator, Value
from providers.spi.record import ContactRecord
from resolvers.planning.predicate import DATE_FIELDS, ID_FIELDS, NAMED_FIELDS, TEXT_FIELDS, Predicate, compiled
from tests.conformance.subject import EVERYTHING, Subject
from tests.support.world import ids

_RANGE = (Operator.GT, Operator.GTE, Operator.LT, Operator.LTE)


async def judge_filters(subject: Subject) -> None:
    """Each row and operator: EXACT returns what applying it here leaves, SUPERSET at least that."""
    everyone = (await subject.listing()).records
    for row in subject.capabilities.filters:
        if row.required:
            _judge_required(subject, row, everyone)
            continue
        for operator in row.operators:
            await _judge_row(subject, row, operator, everyone)


async def _judge_row(subject: Subject, row: FilterRow, operator: Operator, everyone: list[ContactRecord]) -> None:
    values = values_of(subject, row.field, everyone)
    subject.insist(bool(values), f"no contact has {row.field}: nothing to judge by")
    taken = 0
    # A parameter without operators is the API's own: how it compares other spellings is its own as well.
    own = row.field not in COMMON_FIELDS and len(row.operators) == 1
    for operand in operands(operator, values, as_they_are=own):
        condition = Condition(row.field, operator, operand)
        try:
            split = subject.provider.push_down((condition,), None)
        except FilterRefused:
            continue
        query = ListQuery(split.taken, parts=EVERYTHING)
        if split.taken and subject.provider.needs_buckets(query):
            continue  # stage buckets are another list: that of a pipeline
        await _judge_split(subject, row, condition, split, query, everyone)
        taken += bool(split.taken)
    subject.insist(taken > 0, f"{row.field}.{operator} is declared and never pushed")


async def _judge_split(
    subject: Subject,
    row: FilterRow,
    condition: Condition,
    split: PushDown,
    query: ListQuery,
    everyone: list[ContactRecord],
) -> None:
    holds = compiled(condition, subject.provider)
    expected = ids([record for record in everyone if _tells(holds, record)])
    if split.never:
        subject.insist(not expected, f"{condition}: said to hold for nobody, holds for {expected[:3]}")
        return
    if not split.taken:
        subject.insist(bool(split.left), f"{condition}: neither pushed nor left")
        return
    answered = ids((await subject.listing(query)).records)
    if row.strength is Strength.EXACT:
        subject.insist(not split.left, f"{condition}: EXACT and applied here again")
        unlike = sorted({*answered} ^ {*expected}) or "another order"
        subject.insist(answered == expected, f"{condition}: not exact: {unlike[:3]}")
    else:
        subject.insist(bool(split.left), f"{condition}: a SUPERSET that is not applied here again")
        subject.insist(set(expected) <= set(answered), f"{condition}: loses {sorted({*expected} - {*answered})[:3]}")


def _tells(holds: Predicate, record: ContactRecord) -> bool:
    """Whether the contact holds; one that does not show the field is found by nobody who asks for a value."""
    try:
        return holds(record)
    except FilterRefused:
        return False


def _judge_required(subject: Subject, row: FilterRow, everyone: list[ContactRecord]) -> None:
    for record in everyone[:3]:
        try:
            subject.provider.own_values(record, row.field)
        except FilterRefused:
            continue
        subject.insist(False, f"{row.field} is required, yet a contact tells it")


def judge_undeclared_filters(subject: Subject) -> None:
    """What the table does not declare changes no request."""
    provider = subject.provider
    plain = provider.contacts_request(ListQuery(), subject.first(10))
    samples: dict[str, Value] = {"createdAt": datetime.fromisoformat("2026-01-01T00:00:00+00:00")}
    samples["updatedAt"] = samples["createdAt"]
    for field, operators in COMMON_FIELDS.items():
        for operator in operators:
            single = samples.get(field, "1")
            operand: Value = operator is not Operator.IS_NULL or True
            if operator is not Operator.IS_NULL:
                operand = (single,) if operator in (Operator.IN, Operator.NOT_IN) else single
            condition = Condition(field, operator, operand)
            if row_for(subject.capabilities, condition) is not None:
                continue
            split = provider.push_down((condition,), None)
            subject.insist(split.left == (condition,), f"{condition} is not declared and not left here")
            asked = provider.contacts_request(ListQuery(split.taken), subject.first(10))
            subject.insist(not split.taken and asked == plain, f"{condition} is not declared and sent")


async def judge_lacks(subject: Subject) -> None:
    """No contact has a value in a field that is said to be lacking, and some contact has one in each other field."""
    everyone = (await subject.listing()).records
    for field in COMMON_FIELDS:
        has = bool(values_of(subject, field, everyone))
        lacking = field in subject.capabilities.lacks
        subject.insist(has is not lacking, f"{field}: {'lacking, yet' if lacking else 'not lacking, yet not'} there")


def values_of(subject: Subject, field: str, records: Iterable[ContactRecord]) -> list[Value]:
    """Returns some of the values that contacts have in a field, as a client writes them."""
    read = _reader(subject, field)
    found: dict[Any, None] = {}
    for record in records:
        try:
            found.update(dict.fromkeys(read(record)))
        except FilterRefused:
            continue  # this contact does not tell
    values = [str(value) if isinstance(value, int) else value for value in found]
    return values[:: max(1, len(values) // 5)]


def _reader(subject: Subject, field: str) -> Callable[[ContactRecord], Sequence[Any]]:
    if field in TEXT_FIELDS:
        return TEXT_FIELDS[field]
    if field in ID_FIELDS:
        return ID_FIELDS[field]
    if field in NAMED_FIELDS:
        return lambda record: [*NAMED_FIELDS[field](record)[0], *NAMED_FIELDS[field](record)[1]]
    if field in DATE_FIELDS:
        return lambda record: [] if (date := DATE_FIELDS[field](record)) is None else [date]
    return lambda record: subject.provider.own_values(record, field)


def operands(operator: Operator, values: list[Value], *, as_they_are: bool = False) -> list[Value]:
    """Returns operands made of values that contacts have: these, what is near them, and what nobody has."""
    if operator is Operator.IS_NULL:
        return [True, False]
    near: list[Value] = ["nobody has this"] if isinstance(values[0], str) else []
    if not as_they_are:
        near += [other for value in values for other in _near(value)]
    if operator in (Operator.IN, Operator.NOT_IN):
        return [(), (values[0],), tuple(values), tuple(near), (values[-1], values[-1])]
    if operator is Operator.BETWEEN:
        low, *_, high = sorted([*values, *values], key=_number_or_itself)
        return [(low, high), (low, low), (high, low)]
    if operator in (Operator.LIKE, Operator.CONTAINS, Operator.STARTS_WITH):
        near += [str(value)[start : start + 3] for value in values for start in (0, 1)]
    return [*values, *near]


def _number_or_itself(value: Value) -> Any:
    return int(value) if isinstance(value, str) and value.isdigit() else value


def _near(value: Value) -> list[Value]:
    if isinstance(value, datetime):
        return [value + timedelta(milliseconds=step) for step in (-1000, -1, 1, 1000)]
    if isinstance(value, str) and value.isdigit():
        return [str(int(value) + 1), str(int(value) * 10), f"0{value}"]
    text = str(value)
    return [text.upper(), text.swapcase(), normalize("NFD", text), text[:-1], f"{text} "]
