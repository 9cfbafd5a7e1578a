"""A source's plan in words, for people who ask (`extensions.plan`)."""

from __future__ import annotations

from providers.spi.query import And, Condition, Filter, Not
from resolvers.planning.plan import SourcePlan
from resolvers.request.operation import Operation


def explain_plan(operation: Operation, field: str, made: SourcePlan) -> None:
    """Notes a source's plan for people who ask (`extensions.plan`)."""
    if operation.explain is None:
        return
    pushed = [_words(condition) for condition in made.query.conditions]
    if made.query.search is not None:
        pushed.append(f"search {made.query.search!r}")
    if made.never:
        pushed = ["nothing: no record can hold"]
    keys = ", ".join(f"{order.field} {'DESC' if order.descending else 'ASC'}" for order in made.orders)
    operation.explain.plan(
        made.source.name,
        field,
        pushed,
        [_words(item) for item in made.left],
        f"{keys}: {made.ordering.value}" if keys else made.ordering.value,
    )


def _words(filter: Filter) -> str:
    if isinstance(filter, Condition):
        return f"{filter.field} {filter.operator} {filter.value}"
    if isinstance(filter, And):
        return "(" + " and ".join(_words(item) for item in filter.items) + ")"
    if isinstance(filter, Not):
        return f"not {_words(filter.item)}"
    return "(" + " or ".join(_words(item) for item in filter.items) + ")"
