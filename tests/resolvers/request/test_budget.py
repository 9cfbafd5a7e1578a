"""What an operation may use while it runs: counted where the work is done, refused by the name of the setting."""

from __future__ import annotations

import pytest
from graphql import GraphQLError

from gql.configuration.settings import LimitSettings
from gql.errors import public
from providers.spi.budget import Budget, BudgetExceeded, BudgetLimits, Counter, DeadlinePassed
from resolvers.request.operation import Operation


@pytest.mark.parametrize("counter", list(Counter))
def test_going_over_a_limit_is_refused_by_the_name_of_its_setting(counter: Counter) -> None:
    limits = LimitSettings(**{counter.value: 1_000}).budget
    budget = Operation({}, limits=limits).budget
    budget.spend(counter, 1_000)
    with pytest.raises(BudgetExceeded) as raised:
        budget.spend(counter, 7)
    error = public(GraphQLError("", original_error=raised.value))
    setting = f"server.limits.{counter.value}"
    assert "1,007 " in error.message
    assert f"the limit is 1,000 ({setting})" in error.message
    assert error.extensions == {"code": "QUERY_TOO_COMPLEX", "setting": setting, "limit": 1_000, "used": 1_007}


def test_an_operation_without_limits_has_the_defaults_and_its_deadline() -> None:
    operation = Operation({}, deadline=12.0)
    assert operation.budget.deadline == 12.0
    assert [operation.budget.limit(counter) for counter in Counter] == [getattr(BudgetLimits(), c) for c in Counter]
    assert LimitSettings().budget == BudgetLimits()


async def test_giving_way_ends_with_the_deadline() -> None:
    budget = Budget(deadline=0.0)
    assert (budget.work(3_999), budget.work(1)) == (False, True)
    with pytest.raises(DeadlinePassed) as raised:
        await budget.give_way()
    error = public(GraphQLError("", original_error=raised.value))
    assert error.extensions == {"code": "QUERY_TOO_COMPLEX", "setting": "server.limits.request_timeout"}
    assert not budget.work(1)
