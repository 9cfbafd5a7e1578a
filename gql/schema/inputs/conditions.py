"""Filter and order arguments as the engine asks them: `providers.spi.query` trees (DESIGN.md 4).

Everything refused here is BadUserInput with the operand's path, e.g. "filter.createdAt.gte".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from typing import Any, Final

import msgspec
from strawberry import UNSET
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.utils.str_converters import to_camel_case

from gql.schema.core.enums import OrderDirection
from gql.schema.inputs.contact_filter import (
    AskElephantCrmAssociation,
    AskElephantFilter,
    ContactFilter,
    ContactOrder,
    DateTimeFilter,
    DateTimeRange,
    StringFilter,
    TetherCustomFilter,
    TetherFilter,
    TetherQuietFor,
    TetherStageId,
    WacrDateTimeFilter,
    WacrFilter,
    WacrIdFilter,
    WacrTextFilter,
)
from providers.apis.askelephant.capabilities import MAX_CRM_ASSOCIATIONS
from providers.spi.query import And, Condition, Filter, Not, Operator, Or, Order, Value
from resolvers.model.errors import BadUserInput

MAX_DEPTH: Final = 20
"""How deep `and`, `or` and `not` may be nested."""

_TETHER_LISTS: Final = frozenset({"owner", "assignee", "stages"})
"""Any of the listed ones, as `in`."""

_WHOLE_NUMBER: Final = re.compile(r"0|[1-9]\d{0,17}", re.ASCII)
_RANGE: Final = frozenset({Operator.GT, Operator.GTE, Operator.LT, Operator.LTE})


def contact_filter(given: ContactFilter | None, argument: str = "filter") -> Filter | None:
    """Returns the filter as a tree, None when there is none or it asks for nothing. Raises BadUserInput naming the
    path."""
    if given is None or given is UNSET:
        return None
    found = _contact_filter(given, argument, depth=1, own=True)
    return None if found == And(()) else found


def contact_orders(given: Sequence[ContactOrder] | None) -> tuple[Order, ...]:
    """Returns the sort keys; empty: rank order (DESIGN.md 5)."""
    return tuple(Order(key.field, key.direction is OrderDirection.DESC) for key in given or ())


def _contact_filter(given: ContactFilter, path: str, *, depth: int, own: bool) -> Filter:
    """`own`: a provider's own filter may stand here."""
    if depth > MAX_DEPTH:
        raise BadUserInput(path, f"filters may be nested {MAX_DEPTH} deep")
    items: list[Filter] = []
    for name, where, value in _operands(given, path, "null is no filter; leave it out, or use isNull inside it"):
        match name:
            case "and":
                items.append(And(_branches(value, where, depth=depth, own=own)))
            case "or":
                items.append(Or(_branches(value, where, depth=depth, own=False)))
            case "not":
                items.append(Not(_contact_filter(value, where, depth=depth + 1, own=False)))
            case "tether" | "askElephant" | "wacr":
                if not own:
                    raise BadUserInput(
                        where,
                        "a provider's own filter may not stand under or / not; move it to the top or under and",
                    )
                items.extend(_OWN[type(value)](value, where))
            case _:
                items.extend(_conditions(name, value, where))
    return items[0] if len(items) == 1 else And(tuple(items))


def _branches(given: list[ContactFilter], path: str, *, depth: int, own: bool) -> tuple[Filter, ...]:
    return tuple(
        _contact_filter(item, f"{path}[{index}]", depth=depth + 1, own=own) for index, item in enumerate(given)
    )


def _conditions(field: str, given: object, path: str) -> Iterator[Filter]:
    """The operators given for one field, each a condition."""
    for name, where, value in _operands(given, path, "null compares with nothing; use isNull"):
        operator = Operator(name)
        if isinstance(given, WacrIdFilter) and operator in _RANGE:
            _whole_number(value, where)
        if operator is not Operator.BETWEEN:
            yield Condition(field, operator, _value(value))
        elif isinstance(given, WacrTextFilter):
            yield Condition(field, operator, _two(value, where, "texts, the earlier first"))
        else:
            yield Condition(field, operator, _between(value, where))


def _between(given: list[str] | DateTimeRange, path: str) -> Value:
    if isinstance(given, DateTimeRange):
        start, end = _ends(given, path)
        if start is None or end is None:
            raise BadUserInput(path, "expected start and end; use gte or lte for an open span")
        return start, end
    for index, value in enumerate(_two(given, path, "ids, the smaller first")):
        _whole_number(value, f"{path}[{index}]")
    return tuple(given)


def _two(given: list[str], path: str, words: str) -> tuple[str, ...]:
    if len(given) != 2:
        raise BadUserInput(path, f"expected exactly two {words}; got {len(given)}")
    return tuple(given)


def _whole_number(text: str, path: str) -> None:
    if _WHOLE_NUMBER.fullmatch(text) is None:
        raise BadUserInput(path, "expected a whole number of at most 18 digits: WA.cr's ids are numbers")


def _tether(given: TetherFilter, path: str) -> Iterator[Filter]:
    for name, where, value in _operands(given, path, "null is no filter; leave it out"):
        operator = Operator.IN if name in _TETHER_LISTS else Operator.EQ
        yield Condition(f"tether.{name}", operator, _tether_value(value, where))


def _tether_value(value: Any, path: str) -> Value:
    match value:
        case TetherQuietFor():
            if value.value < 1:
                raise BadUserInput(f"{path}.value", "expected at least 1")
            return value.value, value.unit.value
        case DateTimeRange():
            start, end = _ends(value, path)
            if start is None and end is None:
                raise BadUserInput(path, "expected start, end or both")
            return start, end
        case list():
            return tuple(
                _pair(item) if isinstance(item, TetherCustomFilter | TetherStageId) else item for item in value
            )
    return _value(value)


def _pair(given: TetherCustomFilter | TetherStageId) -> Value:
    if isinstance(given, TetherStageId):
        return given.name, given.id
    # As JSON text: whatever the value is, it can be compared and hashed, and goes out as it came.
    return given.key, msgspec.json.encode(given.value).decode()


def _ask_elephant(given: AskElephantFilter, path: str) -> Iterator[Filter]:
    for name, where, value in _operands(given, path, "null is no filter; leave it out"):
        associations: list[AskElephantCrmAssociation] = value
        if not 1 <= len(associations) <= MAX_CRM_ASSOCIATIONS:
            raise BadUserInput(where, f"expected 1 to {MAX_CRM_ASSOCIATIONS} objects, got {len(associations)}")
        pairs = tuple((association.id, association.object_type) for association in associations)
        yield Condition(f"askElephant.{name}", Operator.EQ, pairs)


def _wacr(given: WacrFilter, path: str) -> Iterator[Filter]:
    for name, where, value in _operands(given, path, "null is no filter; leave it out, or use isNull inside it"):
        yield from _conditions(f"wacr.{name}", value, where)


_OWN: Final[dict[type, Callable[[Any, str], Iterator[Filter]]]] = {
    TetherFilter: _tether,
    AskElephantFilter: _ask_elephant,
    WacrFilter: _wacr,
}


def _ends(given: DateTimeRange, path: str) -> tuple[Value, Value]:
    ends = {name: value for name, _, value in _operands(given, path, "null is no instant; leave it out")}
    start, end = ends.get("start"), ends.get("end")
    if start is not None and end is not None and start > end:
        raise BadUserInput(path, "start is later than end")
    return start, end


def _value(given: Any) -> Value:
    if isinstance(given, Enum):
        value: Value = given.value
        return value
    return tuple(given) if isinstance(given, list) else given


def _operands(given: Any, path: str, null: str) -> Iterator[tuple[str, str, Any]]:
    """The fields that were given: GraphQL name, path and value. Raises BadUserInput with `null` for an explicit one."""
    for python_name, name in _FIELDS[type(given)]:
        value = getattr(given, python_name)
        if value is UNSET:
            continue
        where = f"{path}.{name}"
        if value is None:
            raise BadUserInput(where, null)
        yield name, where, value


def _names(input_class: type[Any]) -> tuple[tuple[str, str], ...]:
    definition: StrawberryObjectDefinition = input_class.__strawberry_definition__
    return tuple(
        (field.python_name, field.graphql_name or to_camel_case(field.python_name)) for field in definition.fields
    )


_FIELDS: Final[dict[type, tuple[tuple[str, str], ...]]] = {
    input_class: _names(input_class)
    for input_class in (
        ContactFilter,
        StringFilter,
        DateTimeFilter,
        DateTimeRange,
        TetherFilter,
        AskElephantFilter,
        WacrFilter,
        WacrTextFilter,
        WacrIdFilter,
        WacrDateTimeFilter,
    )
}
"""The fields of the input types by their Python and GraphQL names."""
