"""What each source is asked, what is applied here, and where its order is made (DESIGN.md 4 and 5)."""

from __future__ import annotations

from enum import Enum

import msgspec
from providers.source import Source

from providers.provider import FilterRefused
from providers.query import And, Condition, Filter, ListQuery, Not, Operator, Or, Order
from resolvers.errors import BadUserInput
from resolvers.predicate import PARTS, Predicate, compiled, fields_of, without_value


class Ordering(Enum):
    """Where a source's order is made. RANK: its own order, nothing was asked.

    PUSHED: the source sorts by all keys. RUNS: by the leading ones; each run of equal leading keys is sorted here.
    LOCAL: it is read whole and sorted here.
    """

    RANK = "rank"
    PUSHED = "pushed"
    RUNS = "pushed, runs of equal keys sorted here"
    LOCAL = "read whole and sorted here"


class SourcePlan(msgspec.Struct, frozen=True):
    """One source's part of a contacts question.

    `residual` is what records are held against here, None when the source answers exactly. `never`: no record can
    hold, nothing is asked. `orders` are all the sort keys; the source is asked those in `query.orders`.
    `own_orders`: the order to fall back on when LOCAL needs more than the scan limit; empty when there is none.
    """

    source: Source
    query: ListQuery
    residual: Predicate | None
    ordering: Ordering
    orders: tuple[Order, ...] = ()
    own_orders: tuple[Order, ...] = ()
    never: bool = False
    buckets: bool = False
    left: tuple[Filter, ...] = ()


def plan(
    source: Source,
    *,
    filter: Filter | None,
    search: str | None,
    orders: tuple[Order, ...],
    parts: frozenset[str],
    extra: tuple[Condition, ...] = (),
) -> SourcePlan:
    """Returns the source's plan. Raises BadUserInput when a filter can be answered neither there nor here.

    `extra` are conditions in the provider's own words that the engine adds (a tag's contacts).
    """
    provider = source.provider
    capabilities = provider.capabilities
    simple = _simplified(And((filter,)) if filter is not None else And(()), source)
    if simple is False:
        query = ListQuery(search=search, parts=parts)
        return SourcePlan(source, query, None, Ordering.RANK, orders, never=True)
    conjuncts = _conjuncts(simple) if simple is not True else ()
    conditions = tuple(item for item in conjuncts if isinstance(item, Condition)) + extra
    complex_ones = tuple(item for item in conjuncts if not isinstance(item, Condition))
    try:
        split = provider.push_down(conditions, search)
    except FilterRefused as error:
        raise BadUserInput("filter", str(error)) from error
    left: tuple[Filter, ...] = split.left + complex_ones
    for item in left:
        parts |= {PARTS[field] for field in fields_of(item) if field in PARTS}
    pushed, ordering, own = _ordering(source, orders)
    query = ListQuery(split.taken, search, pushed, parts)
    return SourcePlan(
        source,
        query,
        compiled(And(left), provider) if left else None,
        ordering,
        orders,
        own,
        never=split.never,
        buckets=capabilities.buckets and provider.needs_buckets(query),
        left=left,
    )


def _ordering(source: Source, orders: tuple[Order, ...]) -> tuple[tuple[Order, ...], Ordering, tuple[Order, ...]]:
    if not orders:
        return (), Ordering.RANK, ()
    capabilities = source.provider.capabilities
    sortable = {row.field for row in capabilities.orders}
    able: list[Order] = []
    for order in orders:
        if order.field not in sortable or (able and not capabilities.multi_key):
            break
        able.append(order)
    pushed: list[Order] = []
    for order in able:
        if not order.field.is_date and source.settings.text_collation != "casefold":
            break
        pushed.append(order)
    if len(pushed) == len(orders):
        return tuple(pushed), Ordering.PUSHED, ()
    if pushed:
        return tuple(pushed), Ordering.RUNS, ()
    return (), Ordering.LOCAL, tuple(able)


def _conjuncts(filter: Filter) -> tuple[Filter, ...]:
    if isinstance(filter, And):
        return tuple(dict.fromkeys(part for item in filter.items for part in _conjuncts(item)))
    return (filter,)


def _simplified(filter: Filter, source: Source) -> Filter | bool:
    """Returns an equal filter for this source's records, or its truth value when it does not depend on them."""
    match filter:
        case Condition():
            return _of_source(filter, source)
        case Not(item=item):
            inner = _simplified(item, source)
            return not inner if isinstance(inner, bool) else _negated(inner)
        case And(items=items):
            parts = [_simplified(item, source) for item in items]
            if False in parts:
                return False
            kept = tuple(part for part in parts if not isinstance(part, bool))
            return And(kept) if kept else True
        case Or(items=items):
            parts = [_simplified(item, source) for item in items]
            if True in parts:
                return True
            either = [part for part in parts if not isinstance(part, bool)]
            return _united(either) if either else False


def _of_source(condition: Condition, source: Source) -> Filter | bool:
    owner, dot, _ = condition.field.partition(".")
    if dot:
        # A provider's own filter leaves the other providers' sources alone (DESIGN.md 4).
        return condition if owner == source.provider.capabilities.own_filter else True
    if condition.field in source.provider.capabilities.lacks:
        return without_value(condition)
    if condition.value == () and condition.operator in (Operator.IN, Operator.NOT_IN):
        return condition.operator is Operator.NOT_IN
    return condition


_NEGATIONS = {
    Operator.EQ: Operator.NE,
    Operator.NE: Operator.EQ,
    Operator.IN: Operator.NOT_IN,
    Operator.NOT_IN: Operator.IN,
}


def _negated(filter: Filter) -> Filter:
    # Only pairs that are each other's plain negation, missing values included; ranges are not.
    match filter:
        case Not(item=item):
            return item
        case Condition(operator=Operator.IS_NULL):
            return Condition(filter.field, filter.operator, not filter.value)
        case Condition(operator=operator) if operator in _NEGATIONS:
            return Condition(filter.field, _NEGATIONS[operator], filter.value)
    return Not(filter)


def _united(items: list[Filter]) -> Filter:
    """`or` of equalities on one field is one `in`, which a source may take; any other stays."""
    if len(items) == 1:
        return items[0]
    flat = [item.items[0] if isinstance(item, And) and len(item.items) == 1 else item for item in items]
    values: list[object] = []
    for item in flat:
        if not isinstance(item, Condition) or item.field != flat[0].field:  # type: ignore[union-attr]
            return Or(tuple(flat))
        if item.operator is Operator.EQ:
            values.append(item.value)
        elif item.operator is Operator.IN and isinstance(item.value, tuple):
            values.extend(item.value)
        else:
            return Or(tuple(flat))
    return Condition(flat[0].field, Operator.IN, tuple(values))  # type: ignore[union-attr,arg-type]
