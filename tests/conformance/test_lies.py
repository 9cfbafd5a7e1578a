"""A capability table that lies fails the suite: each lie is told on purpose, beside the judgement that catches it."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from providers.apis.autokonnect import AutoKonnect
from providers.apis.fakes import FAKES, Switches
from providers.apis.wacr import Wacr
from providers.capability_table import COMMON_FIELDS
from providers.registry import PROVIDERS
from providers.spi.capabilities import Capabilities, FilterRow, OrderRow, Paging, Strength
from providers.spi.pushdown import PushDown
from providers.spi.query import Condition, Operator, OrderField
from tests.conformance import filter_judgements, judgements
from tests.conformance.subject import NotAsDeclared, Subject
from tests.support.filter_rows import filter_rows

Judgement = Callable[[Subject], Awaitable[None]]


def lie(monkeypatch: pytest.MonkeyPatch, provider: str, **changes: Any) -> None:
    """Makes a provider believe and publish another capability table."""
    client = importlib.import_module(f"providers.apis.{provider}.client")
    table = msgspec.structs.replace(client.CAPABILITIES, **changes)
    monkeypatch.setattr(client, "CAPABILITIES", table)
    made = PROVIDERS[provider]
    if "capabilities" in vars(made):
        monkeypatch.setattr(made, "capabilities", table)


def table_of(provider: str) -> Capabilities:
    table: Capabilities = importlib.import_module(f"providers.apis.{provider}.client").CAPABILITIES
    return table


def with_row(provider: str, field: str, operator: Operator, **changes: Any) -> tuple[FilterRow, ...]:
    """The provider's filter rows with the one of a field and operator changed."""
    rows = table_of(provider).filters
    found = [row for row in rows if row.field == field and operator in row.operators]
    assert len(found) == 1
    return tuple(msgspec.structs.replace(row, **changes) if row in found else row for row in rows)


def a_row(field: str, slot: str, *operators: Operator, strength: Strength = Strength.EXACT) -> FilterRow:
    return FilterRow(field, operators, strength, slot, "a lie")


def an_order(field: OrderField) -> OrderRow:
    return OrderRow(field, "a lie")


LIES: dict[str, tuple[str, dict[str, Any], Judgement]] = {
    "a superset of owners is exact": (
        "tether",
        {"filters": with_row("tether", "ownerId", Operator.EQ, strength=Strength.EXACT)},
        filter_judgements.judge_filters,
    ),
    "a widened range is exact": (
        "tether",
        {"filters": with_row("tether", "createdAt", Operator.GT, strength=Strength.EXACT)},
        filter_judgements.judge_filters,
    ),
    "a range is sent without being widened": (
        "tether",
        {"filters": with_row("tether", "createdAt", Operator.GT, rewrite=None)},
        filter_judgements.judge_filters,
    ),
    "ne does not lose missing values": (
        "wacr",
        {"filters": (*table_of("wacr").filters, a_row("wacr.assignedId", "assigned_id", Operator.NE))},
        filter_judgements.judge_filters,
    ),
    "ne is a superset": (
        "wacr",
        {
            "filters": (
                *table_of("wacr").filters,
                a_row("wacr.assignedId", "assigned_id", Operator.NE, strength=Strength.SUPERSET),
            )
        },
        filter_judgements.judge_filters,
    ),
    "a filter that there is not": (
        "wacr",
        {"filters": (a_row("company", "company", Operator.EQ),)},
        filter_judgements.judge_filters,
    ),
    "a filter on what no contact has": (
        "autokonnect",
        {"filters": (a_row("ownerId", "owner", Operator.EQ),)},
        filter_judgements.judge_filters,
    ),
    "a contact does not tell what it tells": (
        "wacr",
        {"filters": with_row("wacr", "wacr.groupId", Operator.EQ, required=True)},
        filter_judgements.judge_filters,
    ),
    "a sort that is none": (
        "autokonnect",
        {"orders": (an_order(OrderField.FIRST_NAME),)},
        judgements.judge_orders,
    ),
    "a sort by another field": (
        "askelephant",
        {"orders": (an_order(OrderField.CREATED_AT),)},
        judgements.judge_orders,
    ),
    "several sort keys": (
        "askelephant",
        {"orders": (an_order(OrderField.UPDATED_AT), an_order(OrderField.LAST_NAME)), "multi_key": True},
        judgements.judge_orders,
    ),
    "a default order that is another": (
        "askelephant",
        {"default_order": (OrderField.UPDATED_AT, False)},
        judgements.judge_default_order,
    ),
    "a larger page": ("wacr", {"max_page_size": 500}, judgements.judge_page_size),
    "a total where there is none": ("askelephant", {"total": True}, judgements.judge_total),
    "no total where there is one": ("autokonnect", {"total": False}, judgements.judge_total),
    "a look-up that there is not": ("tether", {"lookup": True}, judgements.judge_lookup),
    "no look-up where there is one": ("wacr", {"lookup": False}, judgements.judge_lookup),
    "pages by number": ("askelephant", {"paging": Paging.PAGE_NUMBER}, judgements.judge_paging),
    "pages by cursor": ("tether", {"paging": Paging.CURSOR}, judgements.judge_paging),
    "no page has a cursor": ("askelephant", {"paging": Paging.PAGE_NUMBER}, judgements.judge_paging_style),
    "a search by phone": ("askelephant", {"phone_search": True}, judgements.judge_search),
    "a search by e-mail": ("tether", {"email_search": True}, judgements.judge_search),
    "lacking what is there": (
        "wacr",
        {"lacks": frozenset({"company", "stage", "ownerId"})},
        filter_judgements.judge_lacks,
    ),
    "not lacking what is never there": ("autokonnect", {"lacks": frozenset()}, filter_judgements.judge_lacks),
    "tags that there are not": ("tether", {"tags": True}, judgements.judge_tags),
    "no tags where there are": ("wacr", {"tags": False}, judgements.judge_tags),
    "users that there are not": ("autokonnect", {"users": True}, judgements.judge_users),
    "no users where there are": ("tether", {"users": False}, judgements.judge_users),
    "buckets that there are not": ("wacr", {"buckets": True}, judgements.judge_buckets),
    "no buckets where there are": ("tether", {"buckets": False}, judgements.judge_buckets),
}


@pytest.mark.parametrize("name", LIES)
async def test_a_lying_table_fails_the_suite(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    provider, changes, judge = LIES[name]
    switches = Switches(range_ends="exclusive")
    await judge(Subject(provider, switches=switches))
    lie(monkeypatch, provider, **changes)
    with pytest.raises((NotAsDeclared, TypeError, NotImplementedError)) as caught:
        await judge(Subject(provider, switches=switches))
    assert caught.value.args


class SendsMore(Wacr):
    """Takes a condition that its table does not have."""

    def push_down(self, conditions: tuple[Condition, ...], search: str | None) -> PushDown:
        return PushDown(taken=conditions)


class ForgetsWhatItCannotPush(AutoKonnect):
    """Drops what it does not take."""

    def push_down(self, conditions: tuple[Condition, ...], search: str | None) -> PushDown:
        return PushDown()


@pytest.mark.parametrize(("provider", "liar"), [("wacr", SendsMore), ("autokonnect", ForgetsWhatItCannotPush)])
def test_what_is_pushed_undeclared_or_dropped_fails_the_suite(
    provider: str, liar: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PROVIDERS, provider, liar)
    with pytest.raises(NotAsDeclared, match="not declared"):
        filter_judgements.judge_undeclared_filters(Subject(provider, 3))


async def test_a_source_that_loses_rows_between_pages_fails_the_suite() -> None:
    subject = Subject("wacr", switches=Switches(max_page_size=5))
    with pytest.raises(NotAsDeclared):
        await judgements.judge_paging(subject)


async def test_equal_rows_that_swap_places_fail_the_suite_without_a_total_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    subject = Subject("wacr", filter_rows("wacr", 60), Switches(unstable_ties=True))
    await judgements.judge_paging(subject)
    monkeypatch.setattr("providers.apis.wacr.client._sort", lambda orders: "created_at")
    with pytest.raises(NotAsDeclared):
        await judgements.judge_paging(subject)


async def test_a_further_provider_is_judged_by_its_registry_line_and_its_fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROVIDERS, "fifth", AutoKonnect)
    monkeypatch.setitem(FAKES, "fifth", FAKES["autokonnect"])
    subject = Subject("fifth")
    for judge in (judgements.judge_paging, judgements.judge_total, judgements.judge_search, judgements.judge_tags):
        await judge(subject)
    monkeypatch.setitem(FAKES, "fifth", FAKES["askelephant"])
    with pytest.raises(NotAsDeclared):
        await judgements.judge_paging(Subject("fifth"))


def test_every_common_field_is_judged() -> None:
    # The public input's fields (contract.graphql); a new one has to be added to the table that is judged by.
    assert set(COMMON_FIELDS) == {
        *("firstName", "lastName", "displayName", "email", "phone", "company", "status", "stage", "tag"),
        *("ownerId", "assigneeId", "createdAt", "updatedAt"),
    }
