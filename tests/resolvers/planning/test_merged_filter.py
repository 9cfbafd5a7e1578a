"""Conditions that are put together mean what each of them meant, and cost one look at a record."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.capability_table import COMMON_FIELDS
from providers.spi.provider import FilterRefused
from providers.spi.query import And, Condition, Filter, ListQuery, Not, Operator, Or
from providers.spi.record import ContactRecord
from resolvers.planning import predicate
from resolvers.planning.predicate import compiled, weight
from resolvers.planning.text_sets import contains_any, starts_with_any
from tests.support.filter_rows import REGION, filter_rows
from tests.support.filters import operands
from tests.support.lists import source_list
from tests.support.world import World

WORLD = World({name: filter_rows(name) for name in ("tether",)}, default_region=REGION)
# Few fields and operators, so that the same stand beside each other often.
_CASES = [(field, operator) for field in ("firstName", "email", "phone", "tag") for operator in COMMON_FIELDS[field]]


def _conditions() -> st.SearchStrategy[Filter]:
    return st.sampled_from(_CASES).flatmap(
        lambda case: st.sampled_from(operands(*case)).map(lambda value: Condition(*case, value))
    )


_WITH_OWN = st.one_of(
    _conditions(), st.sampled_from(["web", "phone"]).map(lambda kind: Condition("tether.leadSource", Operator.EQ, kind))
)
TREES = st.recursive(
    _WITH_OWN,
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, max_size=8).map(lambda items: And(tuple(items))),
        st.lists(inner, max_size=8).map(lambda items: Or(tuple(items))),
    ),
    max_leaves=25,
)


async def _read() -> list[ContactRecord]:
    return await source_list(WORLD, "tether", ListQuery(parts=frozenset({"tags", "status", "stage"})))


RECORDS = asyncio.run(_read())
PROVIDER: Any = WORLD.sources["tether"].provider


class Refusing:
    """A provider whose records do not all tell what it alone knows."""

    def own_values(self, record: ContactRecord, field: str) -> list[str]:
        if int(record.native_id[-1], 16) % 3 == 0:
            raise FilterRefused("the record does not tell")
        return ["web"] if int(record.native_id[-1], 16) % 2 else []


REFUSING: Any = Refusing()


def _answer(holds: Any, record: ContactRecord) -> bool | str:
    try:
        return bool(holds(record))
    except FilterRefused as error:
        return str(error)


@given(filter=TREES)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_a_merged_filter_answers_what_its_conditions_answer_one_by_one(filter: Filter) -> None:
    together, apart = compiled(filter, REFUSING), predicate._compiled(filter, REFUSING, {})
    for record in RECORDS[::2]:
        assert _answer(together, record) == _answer(apart, record)


@given(texts=st.lists(st.text("abß", max_size=4), max_size=40), text=st.text("abß", max_size=9))
@settings(max_examples=500, deadline=None, derandomize=True)
def test_looking_for_any_of_many_texts_finds_what_looking_for_each_finds(texts: list[str], text: str) -> None:
    assert contains_any(texts)(text) == any(each in text for each in texts)
    assert starts_with_any(texts)(text) == any(text.startswith(each) for each in texts)


@pytest.mark.parametrize("operator", [Operator.CONTAINS, Operator.STARTS_WITH, Operator.EQ])
@pytest.mark.parametrize("negated", [False, True])
def test_a_thousand_conditions_on_a_field_look_at_it_once_a_record(
    operator: Operator, negated: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(7)
    texts = ["".join(rng.choices("abcdefghij", k=rng.randint(5, 12))) for _ in range(1_000)]
    conditions: list[Filter] = [Condition("firstName", operator, text) for text in texts]
    filter: Filter = And(tuple(Not(each) for each in conditions)) if negated else Or(tuple(conditions))
    holds = compiled(filter, PROVIDER)
    folded: list[str] = []
    plain = predicate.fold
    monkeypatch.setattr(predicate, "fold", lambda text: folded.append(text) or plain(text))
    answers = [holds(record) for record in RECORDS]
    assert answers == [negated] * len(RECORDS)
    assert len(folded) <= len(RECORDS)
    assert weight(filter) <= 32
