"""How contacts compare (DESIGN.md 5): text case-folded, missing values last in both directions, ties left alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias

from providers.query import Order, OrderField
from providers.record import ContactRecord
from resolvers.marks import EARLIEST, LATEST
from resolvers.predicate import fold

Value: TypeAlias = str | int | None
Key: TypeAlias = tuple[Value, ...]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(instant: datetime | None) -> int | None:
    """Returns microseconds since the epoch, within what a cursor holds: the calendar's first and last second stand for
    what is in them. Some write "never" as the year 1."""
    if instant is None:
        return None
    since = instant - EPOCH
    return min(max((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds, EARLIEST), LATEST)


_VALUES: dict[OrderField, Callable[[ContactRecord], Value]] = {
    OrderField.CREATED_AT: lambda record: micros(record.created_at),
    OrderField.UPDATED_AT: lambda record: micros(record.updated_at),
    OrderField.FIRST_NAME: lambda record: None if record.first_name is None else fold(record.first_name),
    OrderField.LAST_NAME: lambda record: None if record.last_name is None else fold(record.last_name),
}


def key(record: ContactRecord, orders: tuple[Order, ...]) -> Key:
    """Returns the record's sort key: one comparable value an order, None where it is missing."""
    return tuple(_VALUES[order.field](record) for order in orders)


def compare(a: Key, b: Key, orders: tuple[Order, ...]) -> int:
    """Returns -1, 0 or 1 as `a` comes before, with or after `b`."""
    for left, right, order in zip(a, b, orders, strict=True):
        if left == right:
            continue
        if left is None or right is None:
            return 1 if left is None else -1
        smaller = left < right  # type: ignore[operator]
        return -1 if smaller is not order.descending else 1
    return 0


def in_order(records: list[ContactRecord], orders: tuple[Order, ...]) -> list[ContactRecord]:
    """Returns the records sorted; equal ones stay as they stood."""
    result = list(records)
    # Stable, from the last key to the first: each pass keeps what the later keys made.
    for order in reversed(orders):
        value = _VALUES[order.field]
        present = [(value(record), record) for record in result]
        # Reversing keeps equal keys in place only through sort's own `reverse`.
        known = sorted(
            (pair for pair in present if pair[0] is not None),
            key=lambda pair: pair[0],  # type: ignore[arg-type,return-value]
            reverse=order.descending,
        )
        result = [record for _, record in known] + [record for missing, record in present if missing is None]
    return result
