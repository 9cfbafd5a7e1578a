"""A filter with the same meaning and fewer conditions: many on one field that ask for the same become one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from providers.spi.query import And, Condition, Filter, Not, Operator, Or, Value

__all__ = ["PARTS_OF_TEXT", "merged"]

PARTS_OF_TEXT = frozenset({Operator.CONTAINS, Operator.LIKE, Operator.STARTS_WITH})
"""The operators whose operand is a part of the text. With a tuple for it, any of them has to be: only here, a client
cannot ask so."""

# What an operator is called with several operands, of which any may hold in `or`, and all have to in `and`.
_ANY = {Operator.EQ: Operator.IN, Operator.IN: Operator.IN, **{operator: operator for operator in PARTS_OF_TEXT}}
_ALL = {Operator.NE: Operator.NOT_IN, Operator.NOT_IN: Operator.NOT_IN}


def merged(filter: Filter) -> Filter:
    """Returns the filter with its conditions put together.

    What a record may refuse to tell (a provider's own fields) stays where it is, and nothing moves past it: whether it
    is asked at all depends on what stands before it.
    """
    match filter:
        case Condition():
            return filter
        case Not(item=item):
            return Not(merged(item))
        case Or(items=items):
            return _only(Or, _together(_flat(Or, items), _ANY))
        case And(items=items):
            return _only(And, _together(_negations_united(_flat(And, items)), _ALL))


def _only(kind: type[And] | type[Or], items: tuple[Filter, ...]) -> Filter:
    return items[0] if len(items) == 1 else kind(items)


def _flat(kind: type[And] | type[Or], items: Iterable[Filter]) -> Iterator[Filter]:
    """The merged items, and instead of one of the same kind what is in it."""
    for item in items:
        inner = merged(item)
        if isinstance(inner, kind):
            yield from inner.items
        else:
            yield inner


def _negations_united(items: Iterable[Filter]) -> Iterator[Filter]:
    """`not a and not b` is `not (a or b)`, where the conditions may become one."""
    negated: list[Filter] = []
    for item in items:
        if isinstance(item, Not) and isinstance(item.item, Condition) and _tells(item.item):
            negated.append(item.item)
            continue
        if not _tells(item):
            yield from _united(negated)
            negated = []
        yield item
    yield from _united(negated)


def _united(negated: list[Filter]) -> Iterator[Filter]:
    if negated:
        yield Not(merged(Or(tuple(negated))))


def _together(items: Iterable[Filter], operators: dict[Operator, Operator]) -> tuple[Filter, ...]:
    found: list[Filter] = []
    # Where in `found` the conditions on a field with an operator stand, and their operands.
    places: dict[tuple[str, Operator], tuple[int, list[Value]]] = {}
    for item in items:
        if not _tells(item):
            _close(found, places)
        operator = operators.get(item.operator) if isinstance(item, Condition) else None
        if not isinstance(item, Condition) or operator is None or not _tells(item):
            found.append(item)
            continue
        values: list[Value] = [*item.value] if isinstance(item.value, tuple) else [item.value]
        place = places.get((item.field, operator))
        if place is None:
            places[item.field, operator] = len(found), values
            found.append(item)
        else:
            place[1].extend(values)
    _close(found, places)
    return tuple(found)


def _close(found: list[Filter], places: dict[tuple[str, Operator], tuple[int, list[Value]]]) -> None:
    """Puts the conditions that were gathered into their places, and begins anew."""
    for (field, operator), (index, values) in places.items():
        if len(values) > 1:
            found[index] = Condition(field, operator, tuple(dict.fromkeys(values)))
    places.clear()


def _tells(filter: Filter) -> bool:
    """Whether every record can be held against the filter."""
    match filter:
        case Condition(field=field):
            return "." not in field
        case Not(item=item):
            return _tells(item)
        case And(items=items) | Or(items=items):
            return all(_tells(item) for item in items)
