"""The two scalars of the contract: DateTime and JSON. Values stay what the encoder takes: it writes them in one go."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final, NewType

import strawberry
from graphql import GraphQLError, StringValueNode, ValueNode
from strawberry.types.scalar import ScalarDefinition

JSON = NewType("JSON", object)
"""Any JSON value. Sources' own JSON passes as `msgspec.Raw`, undecoded."""

_EXPECTED: Final = 'expected an RFC 3339 date and time with an offset, e.g. "2026-01-31T09:30:00Z"'
_RFC_3339: Final = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?(?:[Zz]|([+-])(\d{2}):(\d{2}))", re.ASCII
)
_RFC_3339_MAX_LENGTH: Final = 64


def serialized_instant(value: object) -> datetime:
    """Returns the instant in UTC: the encoder writes it with Z. Raises ValueError for a time without a zone."""
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError("a DateTime has to be an instant with a zone")
    return value if value.tzinfo is UTC else value.astimezone(UTC)


def parsed_instant(value: object) -> datetime:
    """Returns an RFC 3339 date-time as an instant in UTC, cut to microseconds.

    Raises GraphQLError (BAD_USER_INPUT) for anything else: a date alone, a time without an offset (DESIGN.md 4),
    and what the calendar or this service cannot hold.
    """
    if not isinstance(value, str):
        raise _refused(f"DateTime: {_EXPECTED}, as a string")
    found = _RFC_3339.fullmatch(value) if len(value) <= _RFC_3339_MAX_LENGTH else None
    if found is None:
        raise _refused(f"DateTime: {_EXPECTED}")
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    if second == 60:
        raise _refused("DateTime: leap seconds (second 60) cannot be taken; use second 59")
    microsecond = int((found[7] or "0")[:6].ljust(6, "0"))
    try:
        offset = _offset(found[8], found[9], found[10])
        return datetime(year, month, day, hour, minute, second, microsecond, offset).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _refused("DateTime: no such date, time or offset between the years 1 and 9999") from None


def parsed_instant_literal(node: ValueNode, _variables: object = None) -> datetime:
    """Returns the instant that stands in a document, as `parsed_instant`; the error says where."""
    try:
        return parsed_instant(node.value if isinstance(node, StringValueNode) else None)
    except GraphQLError as error:
        raise GraphQLError(error.message, nodes=node, extensions=error.extensions) from None


def _offset(sign: str | None, hours: str | None, minutes: str | None) -> timezone:
    if sign is None or hours is None or minutes is None:
        return UTC
    if int(hours) > 23 or int(minutes) > 59:
        raise ValueError("offset out of range")
    size = timedelta(hours=int(hours), minutes=int(minutes))
    return timezone(-size if sign == "-" else size)


def _refused(message: str) -> GraphQLError:
    return GraphQLError(message, extensions={"code": "BAD_USER_INPUT"})


def _as_it_is(value: object) -> object:
    return value


SCALARS: Final[dict[object, ScalarDefinition]] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description=(
            "An instant as RFC 3339 text. Answers are in UTC and end in `Z`; arguments take any offset but need one: "
            "`2026-01-31T09:30:00Z`, `2026-01-31T12:30:00+03:00`."
        ),
        specified_by_url="https://scalars.graphql.org/andimarek/date-time",
        serialize=serialized_instant,
        parse_value=parsed_instant,
        parse_literal=parsed_instant_literal,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value: object, list, string, number, boolean or null.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
        serialize=_as_it_is,
        parse_value=_as_it_is,
    ),
}
"""For `StrawberryConfig(scalar_map=…)`."""
