"""The federated list of contacts: plan, stream, merge, page (DESIGN.md 4 to 8)."""

from __future__ import annotations

import msgspec
from msgspec import structs

from providers.source import Source
from providers.spi.query import And, Condition, Filter, Not, Order, OrderField
from resolvers.model.errors import BadUserInput
from resolvers.model.records import Outcome, SourceErrorPolicy
from resolvers.model.selection import Wanted
from resolvers.paging.arguments import PageArguments, cut
from resolvers.paging.federated_page import federated
from resolvers.paging.stream_factory import Leg, leg
from resolvers.planning.plan import SourcePlan, plan
from resolvers.planning.search_text import searched
from resolvers.request.operation import Operation


class ContactsQuestion(msgspec.Struct, frozen=True):
    """The arguments of `contacts`. `sources` are names; None: all that the caller may see."""

    page: PageArguments = PageArguments()
    sources: tuple[str, ...] | None = None
    search: str | None = None
    filter: Filter | None = None
    orders: tuple[Order, ...] = ()
    policy: SourceErrorPolicy = SourceErrorPolicy.PARTIAL


async def contacts(operation: Operation, question: ContactsQuestion, wanted: Wanted) -> Outcome:
    """Returns one page of contacts over several sources. Raises BadUserInput."""
    cut(question.page)
    asked = chosen(operation, question.sources)
    search = searched(question.search)
    orders = _each_once(question.orders)
    legs: list[Leg] = []
    for source in asked:
        made = plan(source, filter=question.filter, search=search, orders=orders, parts=wanted.parts)
        if search is not None and _in_several_fields(search) and source.provider.capabilities.single_field_search:
            made = structs.replace(made, single_fields=True)
        explain_plan(operation, "contacts", made)
        legs.append(leg(operation, made))
    return await federated(
        operation,
        "contacts",
        (search, question.filter, orders),
        legs,
        question.page,
        orders,
        question.policy,
        wanted,
    )


def _in_several_fields(search: str) -> bool:
    """Whether a text has words of which one may be in one field and one in another, as a first and a last name; the
    groups of a telephone number are none."""
    words = search.split()
    return len(words) > 1 and any(character.isalpha() for word in words for character in word)


def _each_once(orders: tuple[Order, ...]) -> tuple[Order, ...]:
    """A field that is given again sorts nothing: its values are equal already."""
    first: dict[OrderField, Order] = {}
    for order in orders:
        first.setdefault(order.field, order)
    return tuple(first.values())


def chosen(operation: Operation, names: tuple[str, ...] | None) -> list[Source]:
    """Returns the sources of these names in configuration order. Raises BadUserInput for a name there is not."""
    if names is None:
        return list(operation.sources.values())
    for name in names:
        if name not in operation.sources:
            known = ", ".join(operation.sources) or "none"
            raise BadUserInput("sources", f'no source is named "{name[:64]}"; there are: {known}')
    return [source for name, source in operation.sources.items() if name in names]


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
