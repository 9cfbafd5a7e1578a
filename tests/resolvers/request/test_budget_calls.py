"""Calls are counted with their retries and redirects, and a call that others wait for too is charged to each."""

from __future__ import annotations

from contextlib import suppress

import httpx
import pytest
import stamina

from providers.spi.budget import BudgetExceeded, BudgetLimits, Counter
from providers.spi.errors import SourceError
from providers.spi.provider import PageNumber
from providers.spi.query import ListQuery
from resolvers.request.operation import Operation
from tests.providers.resilience.test_resilience import GOOD, Sales, status


async def used(sales: Sales, operation: Operation | None = None, page: int = 1) -> int:
    operation = operation or Operation({"sales": sales.source})
    provider = sales.source.provider
    request = provider.contacts_request(ListQuery(), PageNumber(page, 10))
    with stamina.set_testing(True, attempts=100), suppress(SourceError):
        await operation.ask(sales.source, request, provider.contacts_page)
    return operation.budget.used(Counter.UPSTREAM_CALLS)


MOVED = httpx.Response(301, headers={"Location": "/v2/contacts/"})


@pytest.mark.parametrize(
    ("replies", "calls"),
    [
        ((GOOD,), 1),
        ((status(502), status(503), GOOD), 3),
        ((MOVED, MOVED, GOOD), 3),
        ((status(502), MOVED, GOOD), 3),
        ((MOVED,), 4),
        ((status(401),), 1),
        ((status(502),), 3),
    ],
)
async def test_a_call_counts_with_its_retries_and_redirects(replies: tuple[httpx.Response, ...], calls: int) -> None:
    sales = Sales(*replies, retries=2)
    assert await used(sales) == calls == len(sales.requests)


async def test_a_source_that_is_not_asked_costs_no_call() -> None:
    sales = Sales(status(500), retries=0, circuit_failures=1)
    assert await used(sales) == 1
    operation = Operation({"sales": sales.source})
    assert await used(sales, operation) == 0
    assert len(sales.requests) == 1


async def test_after_the_last_call_that_is_allowed_nothing_goes_out() -> None:
    sales = Sales(status(502), GOOD, retries=2)
    operation = Operation({"sales": sales.source}, limits=BudgetLimits(upstream_calls=2))
    assert await used(sales, operation) == 2
    with pytest.raises(BudgetExceeded) as raised:
        await used(sales, operation, page=2)
    assert (raised.value.counter, raised.value.limit) == (Counter.UPSTREAM_CALLS, 2)
    assert len(sales.requests) == 2
