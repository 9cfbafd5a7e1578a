"""How contacts compare (DESIGN.md 5): text case-folded, missing values last in both directions, ties left alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeAlias

from providers.spi.budget import WORK_SLICE, Budget, Counter
from providers.spi.query import Order, OrderField
from providers.spi.record import ContactRecord
from resolvers.cursors.bookmarks import EARLIEST, LATEST
from resolvers.planning.predicate import fold

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


def in_order(records: Sequence[ContactRecord], orders: tuple[Order, ...]) -> list[ContactRecord]:
    """Returns the records sorted; equal ones stay as they stood."""
    return _arranged(records, [key(record, orders) for record in records], orders)


async def in_order_in_turns(
    records: Sequence[ContactRecord], orders: tuple[Order, ...], budget: Budget
) -> list[ContactRecord]:
    """Returns what `in_order` does; other tasks have their turns while the keys are made. Raises BudgetExceeded,
    DeadlinePassed."""
    budget.spend(Counter.EVALUATIONS, len(records) * len(orders))
    keys: list[Key] = []
    for start in range(0, len(records) if orders else 0, WORK_SLICE):
        turn = records[start : start + WORK_SLICE]
        keys += [key(record, orders) for record in turn]
        await budget.worked(len(turn) * len(orders))
    return _arranged(records, keys, orders)


def _arranged(records: Sequence[ContactRecord], keys: Sequence[Key], orders: tuple[Order, ...]) -> list[ContactRecord]:
    result = list(range(len(records)))
    # Stable, from the last key to the first: each pass keeps what the later keys made.
    for place, order in reversed(list(enumerate(orders))):
        known = [index for index in result if keys[index][place] is not None]
        missing = [index for index in result if keys[index][place] is None]
        # Reversing keeps equal keys in place only through sort's own `reverse`.
        known.sort(key=lambda index: keys[index][place], reverse=order.descending)  # type: ignore[arg-type,return-value]
        result = known + missing
    return [records[index] for index in result]
