"""The federated list of contacts: plan, stream, merge, page (DESIGN.md 4 to 8)."""

from __future__ import annotations

import msgspec
from msgspec import structs

from providers.spi.query import Filter, Order, OrderField
from resolvers.model.records import Outcome, SourceErrorPolicy
from resolvers.model.selection import Wanted
from resolvers.paging.arguments import PageArguments
from resolvers.paging.federated_page import federated
from resolvers.paging.stream_factory import StreamFactory, stream_factory
from resolvers.planning.explain_plan import explain_plan
from resolvers.planning.plan import plan
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
    question.page.checked()
    asked = operation.chosen(question.sources)
    search = searched(question.search)
    orders = _each_once(question.orders)
    factories: list[StreamFactory] = []
    for source in asked:
        made = plan(source, filter=question.filter, search=search, orders=orders, parts=wanted.parts)
        if search is not None and _in_several_fields(search) and source.provider.capabilities.single_field_search:
            made = structs.replace(made, single_fields=True)
        explain_plan(operation, "contacts", made)
        factories.append(stream_factory(operation, made))
    return await federated(
        operation,
        "contacts",
        (search, question.filter, orders),
        factories,
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
