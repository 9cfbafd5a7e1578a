"""Random operations over random, partly broken data: projected answers equal those of graphql-core."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone
from random import Random
from typing import Any

import msgspec
from graphql import (
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLUnionType,
    Undefined,
    get_named_type,
    is_leaf_type,
    parse,
    validate,
)
from hypothesis import assume, given, note, settings
from hypothesis import strategies as st

from gql.projection.executor import Plans
from tests.support.projection_schema import (
    DICTS,
    OFF,
    SCHEMA,
    STRUCTS,
    CallRecord,
    ConnectionRecord,
    ContactRecord,
    EdgeRecord,
    Failure,
    Foreign,
    Later,
    LeadRecord,
    Level,
    Level2,
    Loud,
    MailRecord,
    SourceRecord,
    TagRecord,
    by_graphql_core,
    outcome,
)

# ---------------------------------------------------------------- random operations

FRAGMENTS = ("Contact", "Tag", "Source", "Node", "Mail", "Call")
CONDITIONS = (*[""] * 12, " @skip(if: true)", " @include(if: false)", " @skip(if: $s)", " @include(if: $i)")


def selection(random: Random, type_: Any, depth: int) -> str:
    """A selection set of an object, interface or union type, with every way of writing the same field."""
    parts: list[str] = []
    fields = list(getattr(type_, "fields", {}).items())
    for _ in range(random.randint(1, 7)):
        condition = random.choice(CONDITIONS)
        kind = random.random()
        if kind < 0.15 or not fields:
            on = random.choice(possible_conditions(type_))
            parts.append(f"... on {on}{condition} {selection(random, SCHEMA.type_map[on], depth - 1)}")
        elif kind < 0.25 and type_.name in FRAGMENTS:
            parts.append(f"...F{type_.name}{condition}")
        elif kind < 0.35:
            parts.append(f"{random.choice(('', 'kind: '))}__typename{condition}")
        else:
            name, field = random.choice(fields)
            inner = get_named_type(field.type)
            if depth <= 0 and not is_leaf_type(inner):
                parts.append(f"__typename{condition}")
                continue
            arguments = random.choice(("", "", '(word: "ho")', "(word: $w)")) if name == "shout" else ""
            alias = f"a{len(arguments)}_{name}: " if arguments or random.random() < 0.2 else ""
            nested = "" if is_leaf_type(inner) else f" {selection(random, inner, depth - 1)}"
            parts.append(f"{alias}{name}{arguments}{condition}{nested}")
    return f"{{ {' '.join(parts)} }}"


def possible_conditions(type_: Any) -> list[str]:
    if isinstance(type_, GraphQLUnionType):
        return [each.name for each in type_.types]
    if isinstance(type_, GraphQLInterfaceType):
        return [type_.name, *(each.name for each in SCHEMA.get_possible_types(type_))]
    assert isinstance(type_, GraphQLObjectType)
    return [type_.name, *(each.name for each in type_.interfaces)]


def operation(random: Random) -> str:
    fragments = {name: selection(random, SCHEMA.type_map[name], 0) for name in FRAGMENTS}
    # A fragment that spreads itself is invalid.
    fragments = {name: text.replace(f"...F{name}", "__typename") for name, text in fragments.items()}
    body = selection(random, SCHEMA.query_type, 4)
    used: set[str] = set()
    pending = [body]
    while pending:
        text = pending.pop()
        for name in FRAGMENTS:
            if f"...F{name}" in text and name not in used:
                used.add(name)
                pending.append(fragments[name])
    texts = [f"fragment F{name} on {name} {fragments[name]}" for name in sorted(used)]
    document = "\n".join([body, *texts])
    variables = {"$s": "$s: Boolean = false", "$i": "$i: Boolean!", "$w": '$w: String! = "oh"'}
    declared = ", ".join(text for name, text in variables.items() if name in document)
    return f"query{f'({declared})' if declared else ''} {document}"


# ---------------------------------------------------------------- random data, partly broken


NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001  the scalar refuses it

BROKEN: tuple[Any, ...] = (
    *[None] * 8, Undefined, 2**40, -(2**31), 3.0, 3.5, float("nan"), float("inf"), True, "low", "HIGH", "",
    ValueError("broken record"), Later("x"), Later(None), Later(ValueError("late")), Foreign(), Level2.LOW, Level.LOW,
    Loud("loud"), Failure("in the record"), [Failure("in the list")], 0, False,
    (), ("a", "b"), ["a", None], ["a", ValueError("in the list")], [Later("b"), "a"], [[1, None]], [[2**40]], {"a": 1},
    {"low"}, msgspec.Raw(b'{"raw":1}'), NAIVE, datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=3))),
    TagRecord(), SourceRecord(), MailRecord(), CallRecord(), LeadRecord(), [TagRecord(), LeadRecord()],
    [SourceRecord()], (TagRecord(), TagRecord(key=Later("k"))), [TagRecord(key=2**70)], [None],
)  # fmt: skip


def value(random: Random, usual: Any, faults: float) -> Any:
    return random.choice(BROKEN) if random.random() < faults else usual


def a_record(random: Random, record_class: type[msgspec.Struct], faults: float, depth: int = 2) -> Any:
    record: Any = record_class()
    if isinstance(record, ContactRecord):
        record.wish = random.choice((None, Level.LOW))
        record.tags = [a_record(random, TagRecord, faults) for _ in range(random.randint(0, 2))]
        record.detail = a_record(random, random.choice((MailRecord, CallRecord)), faults)
        if depth:
            record.best = random.choice((None, a_record(random, ContactRecord, faults, depth - 1)))
            record.related = [
                a_record(random, random.choice((ContactRecord, ContactRecord, TagRecord)), faults, depth - 1)
                for _ in range(random.randint(0, 2))
            ]
    for name in record.__struct_fields__:
        setattr(record, name, value(random, getattr(record, name), faults))
    return record


def random_context(random: Random, faults: float) -> dict[str, Any]:
    some = (ContactRecord, ContactRecord, ContactRecord, LeadRecord)
    contacts = [a_record(random, random.choice(some), faults) for _ in range(random.randint(1, 4))]
    nodes = [a_record(random, random.choice((ContactRecord, TagRecord, SourceRecord)), faults) for _ in range(3)]
    page = a_record(random, ConnectionRecord, 0.0)
    page.edges = [EdgeRecord(value(random, "x", faults), value(random, each, faults)) for each in contacts]
    return {
        "contacts": [value(random, each, faults) for each in contacts],
        "nodes": [value(random, each, faults) for each in nodes],
        "page": page,
        "words": [value(random, "word", faults) for _ in range(3)],
    }


async def assert_equal_answers(
    query: str, context: dict[str, Any], variables: dict[str, Any]
) -> tuple[list[Plans], bool]:
    """The plans of each kind of projection, and whether the answer has errors."""
    expected = outcome(await by_graphql_core(query, context, variables))
    used = []
    for projection in (STRUCTS, DICTS, OFF):
        plans = Plans(parse(query))
        for _ in range(3):
            result = await projection.execute(plans, context_value=context, variable_values=variables)
            assert outcome(result) == expected
        used.append(plans)
    # Fields whose parent an error made null are still running; graphql-core settles them in the background.
    await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()}, return_exceptions=True)
    return used, bool(expected[1])


@settings(max_examples=100, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32), faults=st.sampled_from((0.0, 0.02, 0.1, 0.3)), flags=st.integers(0, 3))
def test_projected_answers_equal_those_of_graphql_core(seed: int, faults: float, flags: int) -> None:
    random = Random(seed)
    query = operation(random)
    note(query)
    assume(validate(SCHEMA, parse(query)) == [])
    context = random_context(random, faults)
    asyncio.run(assert_equal_answers(query, context, {"s": bool(flags & 1), "i": bool(flags & 2)}))


def test_the_random_operations_and_data_reach_what_they_are_made_for() -> None:
    projected = bailed = refused = failed = 0
    for seed in range(40):
        random = Random(seed)
        query = operation(random)
        if validate(SCHEMA, parse(query)):
            continue
        context, variables = random_context(random, 0.05), {"s": False, "i": True}
        (plans, _, off), has_errors = asyncio.run(assert_equal_answers(query, context, variables))
        projected += bool(plans.projected)
        bailed += bool(plans.bailed)
        refused += bool(plans.refusals)
        failed += has_errors
        assert (off.projected, off.compiled) == (0, 0)
        assert not any("failed to compile" in reason for reason in plans.refusals)
    assert min(projected, bailed, refused, failed) > 8
