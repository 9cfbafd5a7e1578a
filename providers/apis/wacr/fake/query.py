"""WA.cr's filters and sorts: wacr-list-contacts.txt."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import ge, gt, le, lt
from typing import Any
from unicodedata import normalize

from providers.fake_kit.errors import ApiError
from providers.fake_kit.matching import SortKey, like, moment, text, within
from providers.fake_kit.parameters import Parameters
from providers.fake_kit.store import Row
from providers.fake_kit.switches import Switches

NUMBERS = frozenset({"status_id", "source_id", "assigned_id", "group_id"})
FILTERS = NUMBERS | {"type", "created_at"}
ALIASES = {">=": "gte", "<=": "lte", ">": "gt", "<": "lt", "!=": "ne"}
OPERATORS = frozenset({"eq", "gte", "lte", "gt", "lt", "ne", "like", "in", "not_in", "between", "null"})
SORTS = ("id", "firstname", "lastname", "created_at", "updated_at")

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {"gte": ge, "lte": le, "gt": gt, "lt": lt}
_NAME = re.compile(r"filter\[(\w+)\](?:\[([^\]]+)\])?")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Condition:
    """One `filter[field][operator]=value`; `eq` is the form without operator."""

    field: str
    operator: str
    value: str


def conditions(parameters: Parameters, *, strict: bool) -> tuple[Condition, ...]:
    """Returns the filters that were sent. Raises ApiError (400) for an unknown field or operator, when `strict`."""
    found: list[Condition] = []
    for name, value in parameters.pairs:
        match = _NAME.fullmatch(name)
        if match is None:
            continue
        operator = ALIASES.get(match[2] or "eq", match[2] or "eq")
        # `eq` is the bare form's name here, not an operator of the page's table
        if match[1] in FILTERS and operator in OPERATORS and match[2] != "eq":
            found.append(Condition(match[1], operator, value))
        elif strict:
            raise ApiError(400, f"unknown filter {name}", field=name, code="unknown_parameter")
    return tuple(found)


def is_filter(name: str) -> bool:
    """Returns whether a parameter has a filter's form."""
    return _NAME.fullmatch(name) is not None


def condition_test(condition: Condition, switches: Switches) -> Callable[[Row], bool]:
    """Returns the condition as a test of rows. Raises ApiError (422) for a value that does not fit the field."""
    if condition.operator == "null":
        if condition.value not in ("true", "false"):
            raise _unfit(condition, "must be true or false")
        return lambda row: (row.get(condition.field) is None) == (condition.value == "true")
    if condition.operator == "like":
        pattern = like(condition.value)
        return lambda row: any(pattern.search(str(value)) for value in _raw(row, condition.field))
    operands = _operands(condition, switches)
    if condition.operator in ("ne", "not_in"):
        kept = switches.nulls == "kept"

        def excludes(row: Row) -> bool:
            if row.get(condition.field) is None:
                return kept
            return all(value not in operands for value in _values(row, condition.field, switches))

        return excludes
    holds = _holds(condition.operator, operands, switches)
    return lambda row: any(holds(value) for value in _values(row, condition.field, switches))


def _holds(operator: str, operands: list[Any], switches: Switches) -> Callable[[Any], bool]:
    if operator in ("eq", "in"):
        return lambda value: value in operands
    if operator == "between":
        low, high = operands
        if isinstance(low, datetime):
            return lambda value: within(value, low, high, switches.range_ends)
        return lambda value: bool(low <= value <= high if switches.range_ends == "inclusive" else low < value < high)
    compare = _COMPARISONS[operator]
    return lambda value: compare(value, operands[0])


def _raw(row: Row, field: str) -> Iterable[Any]:
    value = row.get(field)
    return () if value is None else value if isinstance(value, list) else (value,)


def _values(row: Row, field: str, switches: Switches) -> Iterable[Any]:
    """Returns the comparable values of a field: none for null, each of a list (group_id is a contains match)."""
    for value in _raw(row, field):
        comparable = _comparable(field, str(value), switches)
        if comparable is not None:
            yield comparable


def _comparable(field: str, written: str, switches: Switches) -> Any:
    if field in NUMBERS:
        return int(written) if re.fullmatch(r"-?\d{1,18}", written) else None
    if field == "created_at":
        return moment(written)
    return written.casefold() if switches.collation == "casefold" else written


def _operands(condition: Condition, switches: Switches) -> list[Any]:
    several = condition.operator in ("in", "not_in", "between")
    written = condition.value.split(",") if several else [condition.value]
    operands = [_comparable(condition.field, part.strip(), switches) for part in written]
    if None in operands:
        raise _unfit(condition, "must be whole numbers" if condition.field in NUMBERS else "must be dates or datetimes")
    if condition.operator == "between" and len(operands) != 2:
        raise _unfit(condition, "must be two values")
    ends_late = condition.operator in ("lte", "between") and switches.date_only_end == "end_of_day"
    if condition.field == "created_at" and ends_late and _DATE.fullmatch(written[-1].strip()):
        operands[-1] += timedelta(days=1) - timedelta(microseconds=1)
    return operands


def _unfit(condition: Condition, message: str) -> ApiError:
    name = f"filter[{condition.field}]"
    return ApiError(422, f"{name} {message}", field=name, code="invalid")


def sort_fields(written: str, known: tuple[str, ...], *, strict: bool) -> tuple[tuple[str, bool], ...]:
    """Returns (field, descending) of `sort=a,-b`. Raises ApiError (400) for an unknown field, when `strict`."""
    fields: list[tuple[str, bool]] = []
    for part in filter(None, written.split(",")):
        name = part.removeprefix("-")
        if name in known:
            fields.append((name, part.startswith("-")))
        elif strict:
            raise ApiError(400, f"cannot sort by {name}", field="sort", code="unknown_sort")
    return tuple(fields)


def sort_keys(fields: Iterable[tuple[str, bool]], switches: Switches) -> list[SortKey]:
    """Returns how rows are compared by these fields: numbers, moments, or text by the switch's collation."""
    return [(_sort_value(name, switches), descending) for name, descending in fields]


def _folded(written: str) -> str:
    # Accents are the same however they are put together: a database's collation compares characters, not bytes.
    return normalize("NFC", normalize("NFC", written).casefold())


def _sort_value(name: str, switches: Switches) -> Callable[[Row], Any]:
    if name == "id":
        return lambda row: row.get("id")
    if name in ("created_at", "updated_at"):
        return lambda row: moment(row.get(name))
    if switches.collation == "casefold":
        return lambda row: None if row.get(name) is None else _folded(text(row[name]))
    return lambda row: None if row.get(name) is None else text(row[name])
