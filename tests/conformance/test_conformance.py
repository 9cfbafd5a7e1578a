"""Every provider is what its capability table says it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from providers.apis.fakes import Switches
from providers.registry import PROVIDERS
from tests.conformance import filter_judgements, judgements
from tests.conformance.subject import Subject

pytestmark = pytest.mark.parametrize("provider", PROVIDERS)

Judgement = Callable[[Subject], Awaitable[None]]


@pytest.mark.parametrize(
    "judge",
    [
        judgements.judge_paging,
        judgements.judge_paging_style,
        judgements.judge_total,
        judgements.judge_page_size,
        judgements.judge_lookup,
        judgements.judge_default_order,
        judgements.judge_search,
        judgements.judge_tags,
        judgements.judge_users,
        judgements.judge_buckets,
        filter_judgements.judge_lacks,
    ],
)
async def test_a_provider_keeps_what_its_table_promises(provider: str, judge: Judgement) -> None:
    await judge(Subject(provider))


@pytest.mark.parametrize(
    "switches",
    [
        Switches(),
        Switches(nulls="kept", range_ends="exclusive", collation="binary"),
        Switches(ids="int", created_by="object", assignees="objects"),
        Switches(ids="str", missing_order="largest", default_order="insertion", ties="insertion"),
    ],
    ids=["plain", "other comparisons", "numeric ids", "other order"],
)
async def test_each_declared_filter_returns_what_applying_it_here_leaves(provider: str, switches: Switches) -> None:
    await filter_judgements.judge_filters(Subject(provider, switches=switches))


@pytest.mark.parametrize(
    "switches",
    [Switches(), Switches(ties="id_desc", missing_order="largest"), Switches(unstable_ties=True)],
    ids=["plain", "other ties", "unstable ties"],
)
async def test_each_declared_order_sorts(provider: str, switches: Switches) -> None:
    await judgements.judge_orders(Subject(provider, switches=switches))


def test_what_the_table_does_not_declare_is_not_sent(provider: str) -> None:
    filter_judgements.judge_undeclared_filters(Subject(provider, 3))


async def test_pages_stay_one_list_when_equal_rows_swap_places(provider: str) -> None:
    await judgements.judge_paging(Subject(provider, switches=Switches(unstable_ties=True)))
