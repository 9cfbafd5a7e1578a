"""What each source is asked, what is applied here, and where its order is made (DESIGN.md 4 and 5)."""

from __future__ import annotations

from enum import Enum
from functools import lru_cache

import msgspec

from providers.source import Source
from providers.spi.provider import FilterRefused, Provider
from providers.spi.pushdown import PushDown, row_for
from providers.spi.query import And, Condition, Filter, ListQuery, Not, Operator, Or, Order, Value
from providers.spi.record import ContactRecord
from resolvers.model.errors import BadUserInput
from resolvers.planning.predicate import PARTS, Predicate, compiled, fields_of, phone_operands, weight, without_value


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

    `residual` is what records are held against here, None when the source answers exactly; `weight` is about how many
    comparisons that is, and `phones` are the operands in it that are read as numbers. `never`: no record can hold,
    nothing is asked. `orders` are all the sort keys; the source is asked those in `query.orders`. `single_fields`: what
    is searched for may stand in several fields, and the source looks at each by itself. `fallback_orders`: the order
    to fall back on when LOCAL needs more than the scan limit; empty when there is none.
    """

    source: Source
    query: ListQuery
    residual: Predicate | None
    ordering: Ordering
    orders: tuple[Order, ...] = ()
    fallback_orders: tuple[Order, ...] = ()
    never: bool = False
    buckets: bool = False
    left: tuple[Filter, ...] = ()
    weight: int = 0
    phones: tuple[str, ...] = ()
    single_fields: bool = False


def plan(
    source: Source,
    *,
    filter: Filter | None,
    search: str | None,
    orders: tuple[Order, ...],
    parts: frozenset[str],
    extra: tuple[Condition, ...] = (),
    in_buckets: bool = False,
) -> SourcePlan:
    """Returns the source's plan. Raises BadUserInput when a filter can be answered neither there nor here.

    `extra` are conditions in the provider's own words that the engine adds (a tag's contacts). `in_buckets`: the
    question goes to the stage buckets whatever is in it (a stage's contacts).
    """
    if filter is None and search is None and not extra and not in_buckets:
        return _plain(source, orders, parts)
    return _split(source, filter, search, orders, parts, extra, in_buckets)


@lru_cache(maxsize=512)
def _plain(source: Source, orders: tuple[Order, ...], parts: frozenset[str]) -> SourcePlan:
    """Returns the plan of a question without conditions: the same every time, and asked most."""
    return _split(source, None, None, orders, parts, (), False)


def _split(
    source: Source,
    filter: Filter | None,
    search: str | None,
    orders: tuple[Order, ...],
    parts: frozenset[str],
    extra: tuple[Condition, ...],
    in_buckets: bool,
) -> SourcePlan:
    provider = source.provider
    capabilities = provider.capabilities
    simple = _simplified(And((filter,)) if filter is not None else And(()), source)
    if simple is False:
        query = ListQuery(search=search, parts=parts)
        return SourcePlan(source, query, None, Ordering.RANK, orders, never=True)
    conjuncts = _conjuncts(simple) if simple is not True else ()
    conditions = tuple(item for item in conjuncts if isinstance(item, Condition)) + extra
    complex_ones = tuple(item for item in conjuncts if not isinstance(item, Condition))
    split = _pushed_down(provider, conditions, search, in_buckets=in_buckets)
    left: tuple[Filter, ...] = split.left + complex_ones
    for item in left:
        parts |= {PARTS[field] for field in fields_of(item) if field in PARTS}
    pushed, ordering, own = _ordering(source, orders)
    query = ListQuery(split.taken, search, pushed, parts)
    return SourcePlan(
        source,
        query,
        _judged(And(left), provider) if left else None,
        ordering,
        orders,
        own,
        never=split.never,
        buckets=capabilities.buckets and provider.needs_buckets(query),
        left=left,
        weight=weight(And(left)) if left else 0,
        phones=phone_operands(And(left)) if left else (),
    )


def _pushed_down(
    provider: Provider, conditions: tuple[Condition, ...], search: str | None, *, in_buckets: bool
) -> PushDown:
    push_down = provider.push_down_to_buckets if in_buckets else provider.push_down
    try:
        split = push_down(conditions, search)
    except FilterRefused as error:
        raise BadUserInput("filter", str(error)) from error
    for condition in () if split.never else split.left:
        row = row_for(provider.capabilities, condition)
        if row is not None and row.required:
            raise BadUserInput(
                "filter", f"{condition.field}: a contact does not tell, and the source cannot be asked; leave it out"
            )
    return split


def _judged(filter: Filter, provider: Provider) -> Predicate:
    """Returns the residual. It raises BadUserInput for a record that does not tell (Tether's leadSource)."""
    holds = compiled(filter, provider)
    if not any("." in field for field in fields_of(filter)):
        return holds

    def judged(record: ContactRecord) -> bool:
        try:
            return holds(record)
        except FilterRefused as error:
            raise BadUserInput("filter", str(error)) from error

    return judged


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
            return not inner if isinstance(inner, bool) else _negated(inner, source)
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
            return _united(either, source) if either else False


def _of_source(condition: Condition, source: Source) -> Filter | bool:
    capabilities = source.provider.capabilities
    owner, dot, _ = condition.field.partition(".")
    if dot and owner != capabilities.own_filter:
        # A provider's own filter leaves the other providers' sources alone (DESIGN.md 4).
        return True
    if condition.field in capabilities.lacks:
        return without_value(condition)
    if condition.operator in _ONE_VALUE and isinstance(condition.value, tuple):
        return _listed(condition, condition.value, source)
    return condition


_ONE_VALUE = {Operator.IN: Operator.EQ, Operator.NOT_IN: Operator.NE}


def _listed(condition: Condition, values: tuple[Value, ...], source: Source) -> Filter | bool:
    """A list of nothing is a truth value; a list of one is that one where the source takes one value alone."""
    if not values:
        return condition.operator is Operator.NOT_IN
    if len(values) > 1:
        return condition
    single = Condition(condition.field, _ONE_VALUE[condition.operator], values[0])
    capabilities = source.provider.capabilities
    takes_one = row_for(capabilities, condition) is None and row_for(capabilities, single) is not None
    return single if takes_one else condition


_NEGATIONS = {
    Operator.EQ: Operator.NE,
    Operator.NE: Operator.EQ,
    Operator.IN: Operator.NOT_IN,
    Operator.NOT_IN: Operator.IN,
}


def _negated(filter: Filter, source: Source) -> Filter:
    """The negation as far down as it goes: only conditions are pushed."""
    match filter:
        case Not(item=item):
            return item
        case And(items=items):
            return _united([_negated(item, source) for item in items], source)
        case Or(items=items):
            return And(tuple(_negated(item, source) for item in items))
        case Condition(operator=Operator.IS_NULL):
            return Condition(filter.field, filter.operator, not filter.value)
        # Only pairs that are each other's plain negation, missing values included; ranges are not.
        case Condition(operator=operator) if operator in _NEGATIONS:
            return Condition(filter.field, _NEGATIONS[operator], filter.value)
    return Not(filter)


def _united(items: list[Filter], source: Source) -> Filter:
    """`or` of equalities on one field is one `in`, which a source may take; any other stays."""
    flat = tuple(dict.fromkeys(part for item in items for part in _alternatives(item)))
    if len(flat) == 1:
        return flat[0]
    values: list[Value] = []
    fields = {item.field if isinstance(item, Condition) else None for item in flat}
    for item in flat:
        if isinstance(item, Condition) and item.operator is Operator.EQ:
            values.append(item.value)
        elif isinstance(item, Condition) and item.operator is Operator.IN and isinstance(item.value, tuple):
            values.extend(item.value)
        else:
            return Or(flat)
    (field, *others) = fields
    if field is None or others:
        return Or(flat)
    united = Condition(field, Operator.IN, tuple(dict.fromkeys(values)))
    taken = row_for(source.provider.capabilities, united) is not None
    return united if taken else Or(flat)


def _alternatives(filter: Filter) -> tuple[Filter, ...]:
    if isinstance(filter, Or):
        return tuple(part for item in filter.items for part in _alternatives(item))
    if isinstance(filter, And) and len(filter.items) == 1:
        return _alternatives(filter.items[0])
    return (filter,)
