"""What each filter operator means on a record: written here once (DESIGN.md 4).

The residual of every plan and the judging of every provider's push-down use this one meaning: text after NFC and
case folding, ids exactly, phones by E.164 in eq and in; fields with several values hold when any value does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias, TypeVar
from unicodedata import normalize

from providers.spi.provider import Provider
from providers.spi.query import And, Condition, Filter, Not, Operator, Or, Value
from providers.spi.record import ContactRecord
from resolvers.planning.merged_filter import PARTS_OF_TEXT, merged
from resolvers.planning.phone_numbers import e164
from resolvers.planning.text_sets import contains_any, starts_with_any, weight_of_any

Predicate: TypeAlias = Callable[[ContactRecord], bool]
Texts: TypeAlias = Callable[[ContactRecord], Sequence[str]]
T = TypeVar("T")

TEXT_FIELDS: dict[str, Callable[[ContactRecord], Sequence[str]]] = {
    "firstName": lambda r: _one(r.first_name),
    "lastName": lambda r: _one(r.last_name),
    "displayName": lambda r: _one(r.display_name),
    "email": lambda r: r.emails,
    "phone": lambda r: r.phones,
    "company": lambda r: _one(r.company),
    "status": lambda r: _one(r.status),
}
ID_FIELDS: dict[str, Callable[[ContactRecord], Sequence[str]]] = {
    "ownerId": lambda r: _one(r.owner_ref.native_id if r.owner_ref is not None else None),
    "assigneeId": lambda r: [user.native_id for user in r.assignee_refs],
    # Not for clients: a tag's own contacts (`resolvers.tags`); "tag" would take a name for an id.
    "tagId": lambda r: [tag.native_id for tag in r.tags],
}
# Fields that may be named by id (compared exactly) or by name (as text).
NAMED_FIELDS: dict[str, Callable[[ContactRecord], tuple[Sequence[str], Sequence[str]]]] = {
    "stage": lambda r: ((), ()) if r.stage_ref is None else (_one(r.stage_ref.native_id), _one(r.stage_ref.name)),
    "tag": lambda r: ([tag.native_id for tag in r.tags], [tag.name for tag in r.tags]),
}
DATE_FIELDS: dict[str, Callable[[ContactRecord], datetime | None]] = {
    "createdAt": lambda r: r.created_at,
    "updatedAt": lambda r: r.updated_at,
}
# What of a record must be fetched before a field can be judged (`ListQuery.parts`).
PARTS = {"tag": "tags", "tagId": "tags", "status": "status", "stage": "stage"}


def fold(text: str) -> str:
    """Returns the form in which texts compare and sort."""
    return text.casefold() if text.isascii() else normalize("NFC", normalize("NFC", text).casefold())


def fields_of(filter: Filter) -> set[str]:
    """Returns the names of all fields a filter looks at."""
    if isinstance(filter, Condition):
        return {filter.field}
    items = (filter.item,) if isinstance(filter, Not) else filter.items
    return set().union(*(fields_of(item) for item in items))


def weight(filter: Filter) -> int:
    """Returns about how many plain comparisons a compiled filter makes of a record at most; 1 at least."""
    return _weight(merged(filter))


def _weight(filter: Filter) -> int:
    match filter:
        case Condition(operator=operator, value=tuple(values)) if operator in PARTS_OF_TEXT:
            return weight_of_any([str(value) for value in values])
        case Condition():
            return 1
        case Not(item=item):
            return _weight(item)
        case And(items=items) | Or(items=items):
            return max(1, sum(_weight(item) for item in items))


def compiled(filter: Filter, provider: Provider) -> Predicate:
    """Returns the filter as a function of a record. It raises FilterRefused when a record cannot tell.

    Many conditions on one field that ask for the same are one test.
    """
    return _compiled(merged(filter), provider, {})


def _compiled(filter: Filter, provider: Provider, folded: dict[str, Texts]) -> Predicate:
    """As `compiled`, of the conditions as they stand. `folded` has what reads each field's folded texts so far."""
    match filter:
        case Condition():
            return _condition(filter, provider, folded)
        case Not(item=item):
            inner = _compiled(item, provider, folded)
            return lambda record: not inner(record)
        case And(items=items) | Or(items=items):
            return _several_parts([_compiled(item, provider, folded) for item in items], all_hold=type(filter) is And)


def _several_parts(parts: list[Predicate], *, all_hold: bool) -> Predicate:
    """Returns whether all parts hold, or any of them. Plain loops: this is where long filters spend their time."""

    def every(record: ContactRecord) -> bool:
        for part in parts:  # noqa: SIM110
            if not part(record):
                return False
        return True

    def some(record: ContactRecord) -> bool:
        for part in parts:  # noqa: SIM110
            if part(record):
                return True
        return False

    return every if all_hold else some


def _folded(texts: Texts) -> Texts:
    """Returns what gives a field's texts folded: once a record, however many conditions look at them."""
    last: ContactRecord | None = None
    found: Sequence[str] = ()

    def read(record: ContactRecord) -> Sequence[str]:
        nonlocal last, found
        if record is not last:
            found = [fold(value) for value in texts(record)]
            last = record
        return found

    return read


def phone_operands(filter: Filter) -> tuple[str, ...]:
    """Returns the operands that are read as phone numbers, which takes far longer than comparing them."""
    match filter:
        case Condition(field="phone", operator=operator, value=value) if operator in _EQUALITY:
            return tuple(str(item) for item in _listed(value))
        case Condition():
            return ()
        case Not(item=item):
            return phone_operands(item)
        case And(items=items) | Or(items=items):
            return tuple(operand for item in items for operand in phone_operands(item))


def without_value(condition: Condition) -> bool:
    """Returns whether the condition holds for a record that has no value in the field."""
    if condition.operator is Operator.IS_NULL:
        return condition.value is True
    return condition.operator in (Operator.NE, Operator.NOT_IN)


def _condition(condition: Condition, provider: Provider, folded: dict[str, Texts]) -> Predicate:
    field = condition.field
    if field == "phone" and condition.operator in _EQUALITY:
        return _phone(condition)
    if (texts := TEXT_FIELDS.get(field)) is not None:
        holds = _several(condition, fold)
        read = folded.get(field) or folded.setdefault(field, _folded(texts))
        return lambda record: holds(read(record))
    if (ids := ID_FIELDS.get(field)) is not None:
        holds = _several(condition, _itself)
        return lambda record: holds(ids(record))
    if (named := NAMED_FIELDS.get(field)) is not None:
        return _named(condition, named)
    if (date := DATE_FIELDS.get(field)) is not None:
        holds = _several(condition, _itself)
        return lambda record: holds(_one(date(record)))
    # Digits in a row are looked for as text, whatever number they would be.
    own_key = _own_text if condition.operator is Operator.LIKE else _own_key
    holds = _several(condition, own_key)
    return lambda record: holds([own_key(value) for value in provider.own_values(record, field)])


_EQUALITY = {Operator.EQ, Operator.NE, Operator.IN, Operator.NOT_IN}


def _named(condition: Condition, named: Callable[[ContactRecord], tuple[Sequence[str], Sequence[str]]]) -> Predicate:
    by_id = _several(condition, _itself)
    by_name = _several(condition, fold)
    negative = without_value(condition)

    def holds(record: ContactRecord) -> bool:
        ids, names = named(record)
        folded = [fold(name) for name in names]
        # A negation must hold of ids and names alike, anything else of either.
        return by_id(ids) and by_name(folded) if negative else by_id(ids) or by_name(folded)

    if condition.operator is Operator.IS_NULL:
        return lambda record: (not any(named(record))) is condition.value
    return holds


def _phone(condition: Condition) -> Predicate:
    by_region: dict[str | None, Predicate] = {}

    def in_region(region: str | None) -> Predicate:
        def key(value: object) -> object:
            # What is no number still equals itself as text.
            return e164(str(value), region) or fold(str(value))

        holds = _several(condition, key)
        return lambda record: holds([key(phone) for phone in record.phones])

    def holds(record: ContactRecord) -> bool:
        region = record.source.default_region
        if region not in by_region:
            by_region[region] = in_region(region)
        return by_region[region](record)

    return holds


def _several(condition: Condition, key: Callable[[Any], object]) -> Callable[[Sequence[Any]], bool]:
    """Returns the operator over a field's values; `key` gives operands the form the values have."""
    operator, value = condition.operator, condition.value
    if operator is Operator.IS_NULL:
        return lambda values: (len(values) == 0) is value
    if operator in (Operator.IN, Operator.NOT_IN):
        keys = {key(item) for item in _listed(value)}
        if operator is Operator.IN:
            return lambda values: any(item in keys for item in values)
        return lambda values: not any(item in keys for item in values)
    if operator is Operator.BETWEEN:
        low, high = (None if end is None else key(end) for end in _listed(value))
        from_low, to_high = _TESTS[Operator.GTE], _TESTS[Operator.LTE]
        return lambda values: any(
            (low is None or from_low(item, low)) and (high is None or to_high(item, high)) for item in values
        )
    if isinstance(value, tuple) and operator in PARTS_OF_TEXT:
        texts = [str(key(item)) for item in value]
        found = starts_with_any(texts) if operator is Operator.STARTS_WITH else contains_any(texts)
        return lambda values: any(found(str(item)) for item in values)
    operand = key(value)
    if operator is Operator.NE:
        return lambda values: operand not in values
    test = _TESTS[operator]

    def any_passes(values: Sequence[Any]) -> bool:
        for item in values:  # noqa: SIM110  a generator takes twice as long
            if test(item, operand):
                return True
        return False

    return any_passes


_TESTS: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQ: lambda value, operand: value == operand,
    Operator.CONTAINS: lambda value, operand: str(operand) in str(value),
    Operator.LIKE: lambda value, operand: str(operand) in str(value),
    Operator.STARTS_WITH: lambda value, operand: str(value).startswith(str(operand)),
    # A value of another kind than the operand (a word where ids are numbers) is neither above nor below it.
    Operator.GT: lambda value, operand: type(value) is type(operand) and value > operand,
    Operator.GTE: lambda value, operand: type(value) is type(operand) and value >= operand,
    Operator.LT: lambda value, operand: type(value) is type(operand) and value < operand,
    Operator.LTE: lambda value, operand: type(value) is type(operand) and value <= operand,
}


def _listed(value: Value) -> tuple[Value, ...]:
    return value if isinstance(value, tuple) else (value,)


# More than any API's ids have; int() refuses texts of thousands.
_MOST_DIGITS = 40


def _own_key(value: object) -> object:
    """A provider's own ids are numbers however they are written; its texts compare as all texts do."""
    if isinstance(value, str):
        digits = value.isascii() and value.isdigit() and (value[0] != "0" or value == "0")
        return int(value) if digits and len(value) <= _MOST_DIGITS else fold(value)
    return value


def _own_text(value: object) -> object:
    """A provider's own value as the text that `like` looks into: an instant in RFC 3339 and UTC."""
    if isinstance(value, datetime):
        return fold(value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z")
    return fold(str(value))


def _itself(value: object) -> object:
    return value


def _one(value: T | None) -> Sequence[T]:
    return () if value is None else (value,)
