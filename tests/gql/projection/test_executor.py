"""What is projected, what is refused, and what is given up, by inspection of a document's plans."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from graphql import AbortController, ExecutionResult, Undefined, parse, validate

from gql.projection.executor import Plans, ProjectingExecutor, Projection, ProjectionRegistry, encode
from tests.support.projection_schema import (
    DICTS,
    OFF,
    SCHEMA,
    SHOUTING_SCHEMA,
    STRUCTS,
    CallRecord,
    ContactRecord,
    Failure,
    Foreign,
    Later,
    LeadRecord,
    Level,
    Level2,
    Loud,
    MailRecord,
    TagRecord,
    by_graphql_core,
    key_of,
    outcome,
    people,
    registry,
)


async def twice(
    projection: Projection, query: str, context: Mapping[str, Any], variables: dict[str, Any] | None = None
) -> tuple[Plans, ExecutionResult]:
    """Execute a document until it is compiled, on data that is not consumed by it."""
    assert validate(SCHEMA, parse(query)) == []
    plans = Plans(parse(query))
    await projection.execute(plans, context_value=context, variable_values=variables)
    return plans, await projection.execute(plans, context_value=context, variable_values=variables)


# ---------------------------------------------------------------- the normal case

EVERYTHING_PLAIN = """
query ($yes: Boolean!, $no: Boolean = false) {
  contacts {
    __typename id class: name nickname age score weight active level wish createdAt updatedAt raw emails labels grid
    shout tags { ...tag color @include(if: $no) } tags { kind: __typename @skip(if: $yes) }
    best { name } source { id name } owner { id ... on Source { name } }
    detail { __typename ... on Mail { opens } ... on Call { minutes } } related { id }
  }
}
fragment tag on Tag { id name @include(if: $yes) }
"""


async def test_a_page_of_plain_records_is_one_projection() -> None:
    full = ContactRecord(best=ContactRecord(), related=[TagRecord(), ContactRecord()], labels=["a", None])
    context, variables = people(ContactRecord(), full, ContactRecord(detail=CallRecord())), {"yes": True}
    expected = outcome(await by_graphql_core(EVERYTHING_PLAIN, context, variables))
    for projection in (STRUCTS, DICTS):
        plans, result = await twice(projection, EVERYTHING_PLAIN, context, variables)
        assert result.errors is None
        assert outcome(result) == expected
        assert (plans.compiled, plans.projected, plans.bailed, plans.refusals) == (1, 1, 0, {})


async def test_a_document_is_compiled_when_it_is_executed_the_second_time() -> None:
    plans, context = Plans(parse("{ contacts { name } }")), people(ContactRecord())
    await STRUCTS.execute(plans, context_value=context)
    assert (plans.compiled, plans.projected) == (0, 0)
    await STRUCTS.execute(plans, context_value=context)
    assert (plans.compiled, plans.projected) == (1, 1)
    await STRUCTS.execute(plans, context_value=context)
    assert (plans.compiled, plans.projected) == (1, 2)


async def test_switched_off_nothing_is_compiled_and_the_bytes_are_the_same() -> None:
    context, variables = people(ContactRecord(), ContactRecord(updated_at=datetime.now(UTC))), {"yes": False}
    _, projected = await twice(STRUCTS, EVERYTHING_PLAIN, context, variables)
    plans, plain = await twice(OFF, EVERYTHING_PLAIN, context, variables)
    assert (plans.compiled, plans.projected) == (0, 0)
    assert encode(projected) == encode(plain)


async def test_projected_data_are_structs_or_dicts_as_asked() -> None:
    _, structs = await twice(STRUCTS, "{ contact { name } }", people(ContactRecord()))
    _, dicts = await twice(DICTS, "{ contact { name } }", people(ContactRecord()))
    assert structs.data is not None
    assert isinstance(structs.data["contact"], msgspec.Struct)
    assert dicts.data == {"contact": {"name": "Zoë"}}


@pytest.mark.parametrize(
    "written",
    [
        datetime(2026, 11, 21, 8, 30, tzinfo=UTC),
        datetime(2026, 11, 21, 11, 30, tzinfo=timezone(timedelta(hours=3))),
        datetime(2026, 11, 21, 8, 30, tzinfo=timezone(timedelta(0), "GMT")),
    ],
)
async def test_every_date_is_written_in_utc_with_z(written: datetime) -> None:
    context = people(ContactRecord(created_at=written))
    for projection in (STRUCTS, DICTS, OFF):
        plans, result = await twice(projection, "{ contacts { createdAt } }", context)
        assert encode(result) == b'{"data":{"contacts":[{"createdAt":"2026-11-21T08:30:00Z"}]}}'
        assert plans.bailed == 0


async def test_raw_json_is_sent_as_it_came() -> None:
    context = people(ContactRecord(raw=msgspec.Raw(b'{"n": 1e2,"n": 2}')))
    plans, result = await twice(STRUCTS, "{ contacts { raw } }", context)
    assert encode(result) == b'{"data":{"contacts":[{"raw":{"n": 1e2,"n": 2}}]}}'
    assert plans.projected == 1


async def test_two_classes_of_one_type_are_projected_side_by_side() -> None:
    plans, result = await twice(STRUCTS, "{ contacts { id name } }", people(ContactRecord(), LeadRecord()))
    expected = (
        b'{"data":{"contacts":[{"id":"ContactRecord:c1","name":"Zo\xc3\xab"},{"id":"LeadRecord:l1","name":"Lead"}]}}'
    )
    assert encode(result) == expected
    assert (plans.projected, plans.bailed) == (1, 0)


async def test_errors_come_after_the_data() -> None:
    _, result = await twice(STRUCTS, "{ maybe { name } }", people(ContactRecord(name=None)))
    assert encode(result) == (
        b'{"data":{"maybe":[null]},"errors":[{"message":"Cannot return null for non-nullable field Contact.name.",'
        b'"locations":[{"line":1,"column":11}],"path":["maybe",0,"name"]}]}'
    )


# ---------------------------------------------------------------- giving up on values


async def test_one_bad_record_leaves_the_others_projected() -> None:
    context = people(ContactRecord(), ContactRecord(age=2**40), ContactRecord())
    plans, result = await twice(STRUCTS, "{ contacts { name age } }", context)
    assert (plans.projected, plans.bailed) == (2, 2)  # the list and the bad record give up
    assert outcome(result) == outcome(await by_graphql_core("{ contacts { name age } }", context))
    assert [error.path for error in result.errors or ()] == [["contacts", 1, "age"]]


@pytest.mark.parametrize(
    ("query", "record"),
    [
        ("{ maybe { name } }", ContactRecord(name=None)),
        ("{ maybe { name } }", ContactRecord(name=Undefined)),
        ("{ maybe { nickname } }", ContactRecord(nickname=ValueError("broken record"))),
        ("{ maybe { nickname } }", ContactRecord(nickname=Failure("broken record"))),
        ("{ maybe { nickname } }", ContactRecord(nickname=[])),
        ("{ maybe { nickname } }", ContactRecord(nickname=Later("awaited"))),
        ("{ maybe { level } }", ContactRecord(level=None)),
        ("{ maybe { emails } }", ContactRecord(emails=None)),
        ("{ page { edges { node { name } } } }", None),
        ("{ maybe { age } }", ContactRecord(age=2**31)),
        ("{ maybe { age } }", ContactRecord(age=-(2**31) - 1)),
        ("{ maybe { score } }", ContactRecord(score=float("nan"))),
        ("{ maybe { score } }", ContactRecord(score=float("-inf"))),
        ("{ maybe { active } }", ContactRecord(active="yes")),
        ("{ maybe { wish } }", ContactRecord(wish=Level2.LOW)),
        ("{ maybe { updatedAt } }", ContactRecord(updated_at=datetime(2026, 1, 1))),  # noqa: DTZ001
        ("{ maybe { raw } }", ContactRecord(raw=None)),
        ("{ maybe { emails } }", ContactRecord(emails=["a", None])),
        ("{ maybe { emails } }", ContactRecord(emails="text")),
        ("{ maybe { grid } }", ContactRecord(grid=[[None]])),
        ("{ maybe { tags { name } } }", ContactRecord(tags=[LeadRecord()])),
        ("{ maybe { best { name } } }", ContactRecord(best=Foreign())),
        ("{ maybe { detail { __typename } } }", ContactRecord(detail=TagRecord())),
        ("{ maybe { related { id } } }", ContactRecord(related=[MailRecord()])),
    ],
)
async def test_an_unusual_value_is_completed_by_graphql_core(query: str, record: ContactRecord | None) -> None:
    plans, result = await twice(STRUCTS, query, people(record))
    assert plans.compiled > 0
    assert plans.bailed > 0
    assert outcome(result) == outcome(await by_graphql_core(query, people(record)))


@pytest.mark.parametrize(
    ("query", "record"),
    [
        ("{ maybe { name } }", ContactRecord(name=Loud("loud"))),
        ("{ maybe { name } }", ContactRecord(name=7)),
        ("{ maybe { nickname } }", ContactRecord(nickname=0)),
        ("{ maybe { id } }", ContactRecord(key=7)),
        ("{ maybe { age } }", ContactRecord(age=True)),
        ("{ maybe { age } }", ContactRecord(age=-(2**31))),
        ("{ maybe { weight } }", ContactRecord(weight=2)),
        ("{ maybe { level wish } }", ContactRecord(level="high", wish=Level.LOW)),
        ("{ maybe { emails } }", ContactRecord(emails=("a", "b"))),
        ("{ maybe { tags { name } } }", ContactRecord(tags=(TagRecord(),))),
    ],
)
async def test_a_value_that_only_needs_coercion_is_still_projected(query: str, record: ContactRecord) -> None:
    plans, result = await twice(STRUCTS, query, people(record))
    assert (plans.projected, plans.bailed) == (1, 0)
    assert outcome(result) == outcome(await by_graphql_core(query, people(record)))


async def test_a_coroutine_in_a_record_is_awaited_once() -> None:
    async def name() -> str:
        return "awaited"

    plans = Plans(parse("{ contacts { name } }"))
    await STRUCTS.execute(plans, context_value=people(ContactRecord()))
    result = await STRUCTS.execute(plans, context_value=people(ContactRecord(name=name())))
    assert encode(result) == b'{"data":{"contacts":[{"name":"awaited"}]}}'
    assert plans.bailed == 2


async def test_a_computed_field_that_raises_is_left_to_its_resolver() -> None:
    def fails(record: Any) -> str:
        raise KeyError(record)

    registered = registry(Tag=False)
    registered.register("Tag", TagRecord, {"id": fails})
    plans, result = await twice(Projection(SCHEMA, registered), "{ contacts { tags { id } } }", people(ContactRecord()))
    assert encode(result) == b'{"data":{"contacts":[{"tags":[{"id":"TagRecord:t1"}]}]}}'
    assert plans.bailed > 0


# ---------------------------------------------------------------- refusing selections


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ('{ contacts { shout(word: "ho") } }', "Contact.shout: has arguments"),
        ("{ contacts { name later } }", "Contact.later: has its own resolver"),
        ("{ contacts { friends { name } } }", "Contact.friends: has its own resolver"),
        ("{ contacts { secret } }", "Contact.secret: has field extensions or permissions"),
        ("{ page { nodes { name } } }", "Connection.nodes: has its own resolver"),
        ("{ __schema { queryType { name } } }", "__Schema: no record class is registered"),
    ],
)
async def test_a_field_that_is_not_plain_is_refused(query: str, reason: str) -> None:
    context = people(ContactRecord(), ContactRecord(related=[ContactRecord()]))
    plans, result = await twice(STRUCTS, query, context)
    assert any(reason in refusal for refusal in plans.refusals)
    assert outcome(result) == outcome(await by_graphql_core(query, context))


async def test_what_lies_below_a_refused_field_is_projected() -> None:
    context = people(ContactRecord(related=[ContactRecord(), ContactRecord()]), ContactRecord())
    query = "{ contacts { later friends { name } tags { name } } }"
    plans, result = await twice(STRUCTS, query, context)
    assert (plans.projected, plans.bailed) == (4, 0)  # friends and tags of each of the two
    assert outcome(result) == outcome(await by_graphql_core(query, context))


async def test_a_type_without_a_record_class_is_refused() -> None:
    query = "{ contacts { source { name } } }"
    plans, result = await twice(Projection(SCHEMA, registry(Source=False)), query, people(ContactRecord()))
    assert "Source: no record class is registered" in plans.refusals
    assert plans.projected == 0
    assert outcome(result) == outcome(await by_graphql_core(query, people(ContactRecord())))


async def test_a_property_is_not_read() -> None:
    plans, result = await twice(STRUCTS, "{ contacts { age } }", people(LeadRecord()))
    assert (plans.projected, plans.bailed) == (0, 2)
    assert encode(result) == b'{"data":{"contacts":[{"age":7}]}}'


async def test_a_member_hidden_by_a_property_is_refused() -> None:
    class Shy(LeadRecord):
        name = property(lambda self: "shy")

    registered = registry(Contact=False)
    registered.register("Contact", Shy)
    plans, result = await twice(Projection(SCHEMA, registered), "{ contacts { name } }", people(Shy(), LeadRecord()))
    assert "Contact.name: Shy declares no member 'name'" in plans.refusals
    assert encode(result) == b'{"data":{"contacts":[{"name":"shy"},{"name":"Lead"}]}}'


async def test_a_subclass_of_a_registered_class_is_not_projected() -> None:
    class Special(ContactRecord):
        pass

    plans, result = await twice(STRUCTS, "{ contacts { name } }", people(Special()))
    assert (plans.projected, plans.bailed) == (0, 2)
    assert encode(result) == b'{"data":{"contacts":[{"name":"Zo\xc3\xab"}]}}'


async def test_a_class_of_two_possible_types_is_not_projected_where_either_may_stand() -> None:
    registered = registry()
    registered.register("Source", TagRecord, {"id": key_of})
    plans, result = await twice(Projection(SCHEMA, registered), "{ nodes { __typename } }", people(TagRecord()))
    assert (plans.projected, plans.bailed) == (1, 2)  # not in the list, not as a Node, but once it is a Tag
    assert encode(result) == b'{"data":{"nodes":[{"__typename":"Tag"}]}}'


async def test_a_default_resolver_other_than_getattr_is_refused() -> None:
    projection = Projection(SHOUTING_SCHEMA, registered := ProjectionRegistry())
    registered.register("Shouted", TagRecord)
    plans = Plans(parse("{ shouted { name } }"))
    for _ in range(2):
        result = await projection.execute(plans)
        assert encode(result) == b'{"data":{"shouted":{"name":"LEAD"}}}'
    assert plans.refusals == {"Shouted.name: is not read with getattr": 1}


@pytest.mark.parametrize(
    ("query", "refusals"),
    [
        ("{ contacts { name @other } }", {"Contact.name: has a directive": 2}),
        ("{ contacts { tags @stream(if: false) { name } } }", {"Contact.tags: has a directive": 2}),
        ("{ contacts { ... @defer(if: false) { name } } }", {}),
        ("{ contacts { ...f @other } } fragment f on Contact { name }", {}),
        ("{ contacts { ...f } } fragment f on Contact @other { name }", {}),
        ("query @other { contacts { name } }", {}),
        ("query @experimental_disableErrorPropagation { contacts { name } }", {}),
    ],
)
async def test_another_directive_is_refused(query: str, refusals: dict[str, int]) -> None:
    context, plans = people(ContactRecord(tags=[])), Plans(parse(query))
    await STRUCTS.execute(plans, context_value=context)
    result = await STRUCTS.execute(plans, context_value=context)
    assert {reason: count for reason, count in plans.refusals.items() if "Lead" not in reason} == refusals
    assert plans.projected == (1 if "stream" in query else 0)  # the empty list of tags
    assert outcome(result) == outcome(await by_graphql_core(query, context))


async def test_a_fragment_with_arguments_is_refused() -> None:
    query = "{ contact { tags { ...f(no: true) } } } fragment f($no: Boolean!) on Tag { id name @skip(if: $no) }"
    plans = Plans(parse(query, experimental_fragment_arguments=True))
    for _ in range(2):
        result = await STRUCTS.execute(plans, context_value=people(ContactRecord(best=ContactRecord())))
        assert encode(result) == b'{"data":{"contact":{"tags":[{"id":"TagRecord:t1"}]}}}'
    query = "{ contact { ...f(no: true) } } fragment f($no: Boolean!) on Contact { best { name @skip(if: $no) id } }"
    plans = Plans(parse(query, experimental_fragment_arguments=True))
    for _ in range(2):
        result = await STRUCTS.execute(plans, context_value=people(ContactRecord(best=ContactRecord())))
        assert encode(result) == b'{"data":{"contact":{"best":{"id":"ContactRecord:c1"}}}}'
    assert any("a fragment with arguments" in reason for reason in plans.refusals)


@pytest.mark.parametrize("options", [{"middleware": []}, {"abort_signal": AbortController().signal}])
async def test_middleware_and_abort_signals_turn_projection_off(options: dict[str, Any]) -> None:
    plans, context = Plans(parse("{ contacts { name } }")), people(ContactRecord())
    for _ in range(3):
        executor = ProjectingExecutor.build(
            SCHEMA, plans.document, None, context, projection=STRUCTS, plans=plans, **options
        )
        assert not isinstance(executor, list)
        result: Any = await executor.execute_operation()  # type: ignore[misc]
        assert encode(result) == b'{"data":{"contacts":[{"name":"Zo\xc3\xab"}]}}'
    assert (plans.compiled, plans.projected) == (0, 0)


# ---------------------------------------------------------------- variants


async def test_each_value_of_a_condition_has_its_own_plans() -> None:
    query = "query ($a: Boolean!, $b: Boolean = true) { contacts { id @skip(if: $a) name @include(if: $b) } }"
    plans, context = Plans(parse(query)), people(ContactRecord())
    for variables in ({"a": True}, {"a": False}, {"a": True, "b": False}, {"a": False, "b": False}):
        for _ in range(2):
            result = await STRUCTS.execute(plans, context_value=context, variable_values=dict(variables))
            assert outcome(result) == outcome(await by_graphql_core(query, context, dict(variables)))
    assert (plans.variants, plans.compiled, plans.projected) == (4, 4, 4)


async def test_the_least_recently_used_variant_goes_first() -> None:
    query = "query ($a: Boolean!, $b: Boolean!) { contacts { id @skip(if: $a) name @include(if: $b) } }"
    plans, context = Plans(parse(query), max_variants=2), people(ContactRecord())

    async def projected(a: bool, b: bool) -> int:
        before = plans.projected
        await STRUCTS.execute(plans, context_value=context, variable_values={"a": a, "b": b})
        return plans.projected - before

    first, second, third = (True, True), (True, False), (False, True)
    assert [await projected(*each) for each in (first, first, second, second, first, third)] == [0, 1, 0, 1, 1, 0]
    assert plans.variants == 2
    assert [await projected(*each) for each in (first, third, second)] == [1, 1, 0]


async def test_operations_of_one_document_share_its_plans() -> None:
    query = "query A { contacts { ...f } } query B { maybe { ...f } } fragment f on Contact { name tags { name } }"
    plans, context = Plans(parse(query)), people(ContactRecord())
    for name in ("A", "B", "A", "B"):
        result = await STRUCTS.execute(plans, context_value=context, operation_name=name)
        assert b'"tags":[{"name":"lead"}]' in encode(result)
    assert (plans.compiled, plans.projected) == (2, 3)


async def test_a_field_merged_with_others_in_one_place_only_has_two_plans() -> None:
    query = "{ contacts { ...f } maybe { ...f tags { id } } } fragment f on Contact { later tags { name } }"
    plans, result = await twice(STRUCTS, query, people(ContactRecord()))
    assert (plans.compiled, plans.projected) == (2, 2)
    assert outcome(result) == outcome(await by_graphql_core(query, people(ContactRecord())))


async def test_a_request_that_cannot_be_executed_is_answered_with_its_error() -> None:
    plans = Plans(parse("query A($a: Int!) { contact(nth: $a) { name } }"))
    unknown = await STRUCTS.execute(plans, operation_name="B")
    assert encode(unknown) == b'{"data":null,"errors":[{"message":"Unknown operation named \'B\'."}]}'
    missing = await STRUCTS.execute(plans)
    assert [error.message for error in missing.errors or ()] == [
        "Variable '$a' has invalid value: Expected a value of non-null type 'Int!' to be provided."
    ]


# ---------------------------------------------------------------- registering


def test_a_class_without_declared_members_cannot_be_registered() -> None:
    with pytest.raises(TypeError, match="Foreign is neither a msgspec struct nor a dataclass"):
        ProjectionRegistry().register("Contact", Foreign)


def test_a_class_is_registered_once_a_type() -> None:
    with pytest.raises(ValueError, match="TagRecord is registered for Tag already"):
        registry().register("Tag", TagRecord)


def test_an_attribute_has_to_be_a_declared_member() -> None:
    with pytest.raises(ValueError, match=r"Tag\.id: TagRecord declares no member 'ident'"):
        ProjectionRegistry().register("Tag", TagRecord, {"id": "ident"})


@pytest.mark.parametrize(
    ("type_name", "computed", "scalar", "message"),
    [
        ("Tagg", {}, "JSON", "the schema has no object type 'Tagg'"),
        ("Node", {}, "JSON", "the schema has no object type 'Node'"),
        ("Tag", {"colour": key_of}, "JSON", "Tag has no field 'colour'"),
        ("Tag", {}, "Json", "the schema has no scalar 'Json'"),
    ],
)
def test_what_the_schema_does_not_have_is_named(
    type_name: str, computed: dict[str, Any], scalar: str, message: str
) -> None:
    registered = ProjectionRegistry()
    registered.register(type_name, TagRecord, computed)
    registered.scalar(scalar, str)
    with pytest.raises(ValueError, match=message):
        Projection(SCHEMA, registered)
