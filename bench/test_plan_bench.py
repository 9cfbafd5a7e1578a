"""Planning a question for the four sources: what each is asked, and what is held against its records here."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.answered import NAMES, source
from providers.spi.query import And, Condition, Filter, Operator, Or
from resolvers.planning.plan import SourcePlan, plan

FILTER = And(
    (
        Or((Condition("lastName", Operator.EQ, "Otieno"), Condition("lastName", Operator.EQ, "Müller"))),
        Condition("updatedAt", Operator.GTE, datetime(2026, 1, 1, tzinfo=UTC)),
        Condition("email", Operator.CONTAINS, "example"),
    )
)


@pytest.mark.parametrize("filter", [None, FILTER], ids=["plain", "filtered"])
def test_plan_four_sources(benchmark: BenchmarkFixture, filter: Filter | None) -> None:
    sources = [source(name) for name in NAMES]

    def plan_all() -> list[SourcePlan]:
        return [plan(each, filter=filter, search=None, orders=(), parts=frozenset({"tags"})) for each in sources]

    plans = benchmark(plan_all)
    assert [made.source.name for made in plans] == list(NAMES)
    assert [made.residual is None for made in plans] == [filter is None] * len(NAMES)
