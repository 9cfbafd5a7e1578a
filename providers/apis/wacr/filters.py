"""The operands of WA.cr's filters: what they must be, and in which form one may be sent without losing a row.

A rewrite (`providers.spi.capabilities.FilterRow`) returns the condition to send, NEVER when no contact can meet it, or
None when this value must be judged here.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from unicodedata import normalize

from providers.spi.capabilities import NEVER, Never
from providers.spi.provider import FilterRefused
from providers.spi.query import Condition, Operator, Value

# "Contact type: lead, customer, guest" (List contacts).
TYPES = frozenset({"lead", "customer", "guest"})
ID_FIELDS = frozenset({"wacr.statusId", "wacr.sourceId", "wacr.assignedId", "wacr.groupId"})

# A longer list is judged here: beside everything else it may not fit into a request line.
MAX_LIST = 200

_INTEGER = re.compile(r"-?[1-9][0-9]{0,18}|0")
_LARGEST = 2**63 - 1
_RANGE = (Operator.GT, Operator.GTE, Operator.LT, Operator.LTE)


def id_number(text: str) -> int | None:
    """Returns an id as the integer it is, None for a text that no integer is written as ("007", "x", 2**63)."""
    number = int(text) if _INTEGER.fullmatch(text) else None
    return number if number is not None and abs(number) <= _LARGEST else None


def id_value(text: str) -> int | str:
    """Returns an id as an integer, or the text itself when it is none."""
    number = id_number(text)
    return text if number is None else number


def checked(condition: Condition) -> Condition:
    """Returns the condition with ids as integers, so that they compare as such; others as they are.

    An interval with one end is the comparison with that end. Raises FilterRefused naming the operand that is wrong.
    """
    if condition.operator is Operator.BETWEEN:
        return _checked_interval(condition)
    if condition.field not in ID_FIELDS or condition.operator in (Operator.IS_NULL, Operator.LIKE):
        return condition
    value = condition.value
    if condition.operator in _RANGE:
        return Condition(condition.field, condition.operator, _number(condition, value))
    if isinstance(value, tuple):
        return Condition(condition.field, condition.operator, tuple(id_value(str(item)) for item in value))
    return Condition(condition.field, condition.operator, id_value(str(value)))


def only_integers(condition: Condition) -> Condition | Never | None:
    """Rewrites eq and in on an integer: ids compare exactly, so a text that is no integer equals none of them."""
    if not isinstance(condition.value, tuple):
        return condition if id_number(str(condition.value)) is not None else NEVER
    ids = tuple(dict.fromkeys(item for item in condition.value if id_number(str(item)) is not None))
    if not ids:
        return NEVER
    return Condition(condition.field, condition.operator, ids) if len(ids) <= MAX_LIST else None


def other_integers(condition: Condition) -> Condition | None:
    """Rewrites ne and notIn on an integer that is never null: what is no integer excludes nothing."""
    if not isinstance(condition.value, tuple):
        return condition if id_number(str(condition.value)) is not None else None
    ids = tuple(dict.fromkeys(item for item in condition.value if id_number(str(item)) is not None))
    return Condition(condition.field, condition.operator, ids) if 0 < len(ids) <= MAX_LIST else None


def widened(condition: Condition) -> Condition | Never | None:
    """Rewrites between, whose ends are not documented ("Between two values"): by one, or by a second, on each side."""
    match condition.value:
        case (int(low), int(high)):
            if low > high:
                return NEVER
            return Condition(condition.field, Operator.BETWEEN, (max(low - 1, -_LARGEST), min(high + 1, _LARGEST)))
        case (datetime() as start, datetime() as end):
            if start > end:
                return NEVER
            second = timedelta(seconds=1)
            try:
                return Condition(condition.field, Operator.BETWEEN, (start - second, end + second))
            except OverflowError:
                return None
    return None


def documented_types(condition: Condition) -> Condition | Never | None:
    """Rewrites a comparison of the type. The documented types are lower case, and texts compare case-folded.

    Any other text stays here: how WA.cr compares one that is written differently is not documented.
    """
    if not isinstance(condition.value, tuple):
        wanted = _folded(condition.value)
        return Condition(condition.field, condition.operator, wanted) if wanted in TYPES else None
    several = tuple(dict.fromkeys(_folded(item) for item in condition.value))
    if not several and condition.operator is Operator.IN:
        return NEVER
    return Condition(condition.field, condition.operator, several) if several and TYPES.issuperset(several) else None


def part_of_type(condition: Condition) -> Condition | None:
    """Rewrites like. `%` and `_` may be wildcards there, which only finds more; a backslash may escape one."""
    part = _folded(condition.value)
    return Condition(condition.field, Operator.LIKE, part) if part and "\\" not in part else None


def digits_in_a_row(condition: Condition) -> Condition | None:
    """Rewrites like on an integer: digits alone, so that nothing in it can be a wildcard."""
    part = str(condition.value)
    return condition if part.isascii() and part.isdigit() else None


def some_instants(condition: Condition) -> Condition | Never | None:
    """Rewrites in and notIn on an instant: each once, as long as a request line holds them."""
    value = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    instants = tuple(dict.fromkeys(value))
    if not instants:
        return NEVER if condition.operator is Operator.IN else None
    return Condition(condition.field, condition.operator, instants) if len(instants) <= MAX_LIST else None


def _checked_interval(condition: Condition) -> Condition:
    name = f"{condition.field}.{condition.operator}"
    if not isinstance(condition.value, tuple) or len(condition.value) != 2:
        raise FilterRefused(f"{name}: expected two values, the first and the last")
    low, high = condition.value
    if condition.field in ID_FIELDS:
        return Condition(condition.field, Operator.BETWEEN, (_number(condition, low), _number(condition, high)))
    if low is None and high is None:
        raise FilterRefused(f"{name}: expected a start, an end, or both")
    if low is None:
        return Condition(condition.field, Operator.LTE, high)
    if high is None:
        return Condition(condition.field, Operator.GTE, low)
    return condition


def _number(condition: Condition, value: Value) -> int:
    number = id_number(str(value))
    if number is None:
        raise FilterRefused(f"{condition.field}.{condition.operator}: expected a whole number, ids compare as such")
    return number


def _folded(value: Value) -> str:
    return normalize("NFC", normalize("NFC", str(value)).casefold())
