"""Splitting ANDed conditions by a capability table: what the source takes, what stays here (DESIGN.md 4).

"Correct first, push-down as an optimisation": a condition is taken only when the table has its field and operator
and its value survives the row's `rewrite`, and when the upstream parameter can hold it beside those already taken.
"""

from __future__ import annotations

import msgspec

from providers.spi.capabilities import Capabilities, FilterRow, Never, Strength
from providers.spi.query import Condition, Operator


class PushDown(msgspec.Struct, frozen=True):
    """`taken` goes into the request; `left` is applied to the records, with the SUPERSET ones among the taken.

    `never`: no record of the source can hold.
    """

    taken: tuple[Condition, ...] = ()
    left: tuple[Condition, ...] = ()
    never: bool = False


def row_for(capabilities: Capabilities, condition: Condition) -> FilterRow | None:
    """Returns the table's row for the condition's field and operator, or None."""
    for row in capabilities.filters:
        if row.field == condition.field and condition.operator in row.operators:
            return row
    return None


def take(capabilities: Capabilities, conditions: tuple[Condition, ...]) -> PushDown:
    """Returns the split. A parameter takes equality alone, or any operators each at most once."""
    taken: list[Condition] = []
    left: list[Condition] = []
    slots: dict[str, set[Operator]] = {}
    for condition in conditions:
        row = row_for(capabilities, condition)
        pushed = row.rewrite(condition) if row is not None and row.rewrite is not None else condition
        if isinstance(pushed, Never):
            return PushDown(left=conditions, never=True)
        if row is None or pushed is None or not _fits(slots.setdefault(row.slot, set()), pushed.operator):
            left.append(condition)
            continue
        slots[row.slot].add(pushed.operator)
        taken.append(pushed)
        if row.strength is Strength.SUPERSET:
            left.append(condition)
    return PushDown(taken=tuple(taken), left=tuple(left))


def _fits(used: set[Operator], operator: Operator) -> bool:
    # `f[x]=1` beside `f[x][gt]=0` is one key with two shapes to the frameworks behind these APIs: the later one wins.
    return not used or (operator is not Operator.EQ and Operator.EQ not in used and operator not in used)
