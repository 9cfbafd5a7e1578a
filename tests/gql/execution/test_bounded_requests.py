"""What a request asks is bounded before it is executed, and what is made of it while it is made."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from gql.configuration.settings import LimitSettings
from gql.execution.document_cache import INLINE, Documents
from gql.execution.operands import Operands
from gql.projection.budget import CurrentBudget
from gql.schema.schema import GRAPHQL_SCHEMA
from providers.spi.budget import Budget, BudgetExceeded, BudgetLimits, Counter

TOO_COMPLEX = "QUERY_TOO_COMPLEX"


def documents(**limits: Any) -> Documents:
    return Documents(GRAPHQL_SCHEMA, LimitSettings(**limits))


def calls_of(work: Callable[[], object]) -> int:
    """How many Python functions are called."""
    count = 0

    def counted(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(counted)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


# Naming the argument of a wrong literal


def nested(depth: int, fields: int = 8) -> str:
    value = "[" * depth + "1" + "]" * depth
    return "{ " + " ".join(f"a{n}: contacts(first: {value}) {{ totalCount }}" for n in range(fields)) + " }"


def test_naming_the_argument_of_a_nested_literal_takes_work_in_proportion_to_the_document() -> None:
    cache = documents()
    cache.get(nested(10))
    shallow, deep = (calls_of(lambda depth=depth: cache.get(nested(depth))) for depth in (40, 160))  # type: ignore[misc]
    # A part of the work does not depend on the depth at all.
    assert deep < 4.5 * shallow
    errors = cache.get(nested(160)).errors
    assert len(errors) == 8
    assert all(error.extensions == {"argument": "first"} for error in errors)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("{ contacts(first: []) { totalCount } }", "first"),
        ("{ contacts(last: 3, first: [[{a: 1}]]) { totalCount } }", "first"),
        ("query($n: Int) { contacts(first: [$n]) { totalCount } }", "first"),
        ("query($n: Int) { contacts(first: {a: $n, b: [$n]}) { totalCount } }", "first"),
        ("{ contacts(filter: {email: {contains: [1]}}) { totalCount } }", "contains"),
        ("{ contacts(filter: {email: {contains: {a: {b: 2}}}}) { totalCount } }", "contains"),
    ],
)
def test_a_list_or_an_object_for_a_scalar_names_what_it_was_given_for(text: str, name: str) -> None:
    error = documents().get(text).errors[0]
    assert error.message.startswith(f"{name}: ")
    assert (error.extensions or {})["argument"] == name


# The cache of documents


def test_the_syntax_trees_kept_are_bounded_by_their_nodes() -> None:
    cache = Documents(GRAPHQL_SCHEMA, LimitSettings(root_fields=100), max_nodes=2_000)
    for number in range(20):
        cache.get("{ " + " ".join(f"a{number}_{field}: __typename" for field in range(100)) + " }")
        assert cache.nodes <= 2_000
    # A field is three nodes with its name and its alias.
    assert len(cache) == 2_000 // (3 + 3 * 100)
    assert cache.nodes == len(cache) * (3 + 3 * 100)


def test_a_document_larger_than_the_cache_is_answered_and_not_kept() -> None:
    cache = Documents(GRAPHQL_SCHEMA, LimitSettings(), max_nodes=9)
    assert not cache.get("{ sources { name provider } }").errors
    assert (len(cache), cache.nodes) == (0, 0)


def test_a_refused_document_is_kept_without_its_syntax_tree() -> None:
    cache = documents()
    document = cache.get('{ contacts(first: "a") { totalCount } }')
    assert cache.get(document.text) is document
    assert cache.nodes == 0
    assert [error.nodes for error in document.errors] == [None]
    assert [error.formatted.get("locations") for error in document.errors] == [[{"line": 1, "column": 19}]]


def test_what_is_told_of_a_refused_document_is_short() -> None:
    (error,) = documents().get("{ contacts(first: [" + "1, " * 1_400 + "]) { totalCount } }").errors
    assert len(error.message) <= 1_000


# Long documents


def long(text: str = "{ sources { name } }") -> str:
    return text + " #" + "x" * INLINE


class Watched(Documents):
    """Documents that note who prepares them, and wait for a word before they do."""

    def __init__(self) -> None:
        super().__init__(GRAPHQL_SCHEMA, LimitSettings())
        self.go = threading.Event()
        self.prepared_in: list[int] = []

    def _prepare(self, text: str) -> Any:
        self.prepared_in.append(threading.get_ident())
        if len(text) > INLINE:
            self.go.wait(10)
        return super()._prepare(text)


async def test_a_long_document_is_prepared_beside_the_loop_and_once_for_all_who_ask() -> None:
    cache = Watched()
    asked = [asyncio.ensure_future(cache.prepared(long())) for _ in range(5)]
    await asyncio.sleep(0)
    # The loop goes on: short documents are prepared meanwhile, and it is the loop that says go.
    assert not (await cache.prepared("{ sources { provider } }")).errors
    cache.go.set()
    prepared = await asyncio.gather(*asked)
    assert [each is prepared[0] for each in prepared] == [True] * 5
    assert len(cache.prepared_in) == 2
    assert sum(thread == threading.get_ident() for thread in cache.prepared_in) == 1
    assert (cache.misses, len(cache)) == (2, 2)
    assert await cache.prepared(long()) is prepared[0]


async def test_a_long_document_that_nobody_waits_for_is_not_begun() -> None:
    cache = Watched()
    first = asyncio.ensure_future(cache.prepared(long()))
    second = asyncio.ensure_future(cache.prepared(long("{ sources { id } }")))
    await asyncio.sleep(0.05)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    cache.go.set()
    assert not (await first).errors
    assert not (await cache.prepared(long("{ sources { provider } }"))).errors
    assert len(cache.prepared_in) == 2


async def test_one_waiter_that_leaves_does_not_end_the_others_document() -> None:
    cache = Watched()
    leaving, staying = (asyncio.ensure_future(cache.prepared(long())) for _ in range(2))
    await asyncio.sleep(0.05)
    leaving.cancel()
    cache.go.set()
    assert not (await staying).errors
    assert leaving.cancelled()
    assert len(cache.prepared_in) == 1


# Conditions and operands


def given(text: str, **variables: Any) -> Operands:
    document = documents(aliases=1_000, root_fields=1_000).get(text)
    assert not document.errors
    return document.operations[0].given.total(variables)


CONTACTS = "contacts(filter: $f) { totalCount }"


@pytest.mark.parametrize(
    ("text", "variables", "expected"),
    [
        ("{ contacts(first: 3) { totalCount } }", {}, (0, 0)),
        ('{ contacts(filter: {email: {contains: "a"}}) { totalCount } }', {}, (1, 0)),
        ('{ contacts(filter: {email: {contains: "a"}, phone: {in: ["1", "2"]}}) { totalCount } }', {}, (2, 2)),
        ("{ contacts(orderBy: [{field: EMAIL}]) { totalCount } }".replace("EMAIL", "CREATED_AT"), {}, (1, 0)),
        (f"query($f: ContactFilter) {{ {CONTACTS} }}", {"f": {"or": [{"email": {"contains": "a"}}] * 7}}, (7, 0)),
        (f"query($f: ContactFilter) {{ {CONTACTS} }}", {"f": {"or": [{}] * 7}}, (7, 0)),
        (f"query($f: ContactFilter) {{ {CONTACTS} }}", {"f": {"phone": {"in": ["1"] * 9}}}, (1, 9)),
        (f"query($f: ContactFilter) {{ a: {CONTACTS} b: {CONTACTS} }}", {"f": {"phone": {"in": ["1"] * 9}}}, (2, 18)),
        (
            f"query($f: ContactFilter) {{ ...A ...A }} fragment A on Query {{ {CONTACTS} }}",
            {"f": {"phone": {"in": ["1"] * 9}}},
            (2, 18),
        ),
        (
            'query($f: ContactFilter = {email: {in: ["a", "b", "c"]}})' + f"{{ {CONTACTS} }}",
            {},
            (1, 3),
        ),
        (f"query($f: ContactFilter) {{ {CONTACTS} }}", {"f": None}, (0, 0)),
        (f"query($f: ContactFilter) {{ {CONTACTS} }}", {}, (0, 0)),
        ("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ["a"] * 50}, (0, 50)),
        (
            "query($r: [_Any!]!) { _entities(representations: $r) { __typename } }",
            {"r": [{"__typename": "Contact", "id": "a"}] * 40},
            (0, 40),
        ),
    ],
)
def test_conditions_and_operands_count_wherever_they_are_used(
    text: str, variables: dict[str, Any], expected: tuple[int, int]
) -> None:
    assert given(text, **variables) == expected


def test_a_variable_is_walked_once_however_often_it_is_used() -> None:
    aliases = " ".join(f"a{n}: {CONTACTS}" for n in range(40))
    document = documents().get(f"query($f: ContactFilter) {{ {aliases} }}")
    variables = {"f": {"or": [{"email": {"contains": "a"}}] * 500}}
    once = documents().get(f"query($f: ContactFilter) {{ {CONTACTS} }}")
    total = document.operations[0].given.total
    assert total(variables) == (20_000, 0)
    # A call or two may be the interpreter's own; walked forty times it would be forty times as many.
    assert calls_of(lambda: total(variables)) < 2 * calls_of(lambda: once.operations[0].given.total(variables))


# matches and person below each other, look-ups, introspection


@pytest.mark.parametrize(
    "text",
    [
        "{ contacts(first: 2) { nodes { matches { matches { id } } } } }",
        "{ contacts(first: 2) { nodes { person { contacts { person { email } } } } } }".replace("email", "__typename"),
        "{ contacts(first: 2) { nodes { matches { person { __typename } } } } }",
        "{ contacts { nodes { ...A } } } fragment A on Contact { matches { ...B } } fragment B on Contact "
        "{ ... on Contact { tags { id } matches { id } } }",
        "{ contacts { nodes { matches { stage { contacts { nodes { person { __typename } } } } } } } }",
    ],
)
def test_searching_for_what_a_search_finds_is_refused(text: str) -> None:
    (error,) = documents().get(text).errors
    assert (error.extensions or {})["code"] == TOO_COMPLEX
    assert " is asked for inside " in error.message
    assert "no setting" in error.message


def test_a_search_beside_another_is_none_inside_it() -> None:
    text = "{ contacts { nodes { ...A ...A person { __typename } } } } fragment A on Contact { matches { id } }"
    assert not documents().get(text).errors


def cost(text: str, **variables: Any) -> int:
    document = documents().get(text)
    assert not document.errors
    return document.operations[0].cost.total(variables)


def test_the_calls_of_searches_and_look_ups_are_in_the_cost() -> None:
    limit = LimitSettings().cost
    matches = "contacts(first: 100) { nodes { matches { id } } }"
    assert cost(f"{{ {matches} }}") < limit / 5
    assert cost("{ " + " ".join(f"a{n}: {matches}" for n in range(8)) + " }") > limit
    entities = "query($r: [_Any!]!) { _entities(representations: $r) { __typename } }"
    representation = {"__typename": "Contact", "id": "a"}
    assert cost(entities, r=[representation] * 1_000) < limit
    assert cost(entities, r=[representation] * 12_000) > limit


def test_the_schema_is_told_a_few_times_in_an_operation_and_not_more() -> None:
    for name in ("__schema { types { name } }", "_service { sdl }"):
        told = [cost("{ " + " ".join(f"a{n}: {name}" for n in range(count)) + " }") for count in (3, 4)]
        assert told[0] <= LimitSettings().cost < told[1]


def test_what_a_projection_makes_is_counted_in_the_budget_of_its_operation() -> None:
    current = CurrentBudget()
    current.budget = Budget(BudgetLimits(answer_bytes=10, objects=10))
    raw = msgspec.Raw(b'{"a":1}')
    assert current.written(raw) is raw
    assert current.budget.used(Counter.ANSWER_BYTES) == 7
    with pytest.raises(BudgetExceeded):
        current.written(raw)
    assert current.objects([1, 2, 3], 2)
    assert current.budget.used(Counter.OBJECTS) == 6
    with pytest.raises(BudgetExceeded):
        current.objects([1, 2, 3], 2)
