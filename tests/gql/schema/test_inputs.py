"""Filters, orders and scalars as clients write them, and as the engine asks them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from graphql import GraphQLError, parse, validate
from graphql.execution.values import get_argument_values, get_variable_values
from strawberry.types.arguments import convert_argument

from gql.schema.core.scalars import parsed_instant, serialized_instant
from gql.schema.inputs.conditions import MAX_DEPTH, contact_filter, contact_orders
from gql.schema.inputs.contact_filter import ContactFilter, ContactOrder
from gql.schema.schema import GRAPHQL_SCHEMA, SCHEMA
from providers.spi.query import And, Condition, Filter, Not, Operator, Or, Order, OrderField
from resolvers.model.errors import BadUserInput

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
QUIET = datetime(2026, 2, 1, tzinfo=UTC)


def given(name: str, literal: str) -> Any:
    """An argument of Query.contacts as Strawberry hands it to the resolver."""
    document = parse(f"{{ contacts({name}: {literal}) {{ totalCount }} }}")
    assert validate(GRAPHQL_SCHEMA, document) == []
    query = GRAPHQL_SCHEMA.query_type
    assert query is not None
    node = document.definitions[0].selection_set.selections[0]  # type: ignore[attr-defined]
    value = get_argument_values(query.fields["contacts"], node)[name]
    annotation: Any = {"filter": ContactFilter, "orderBy": list[ContactOrder]}[name]
    if name == "orderBy":
        return [_converted(item, ContactOrder) for item in value]
    return _converted(value, annotation)


def _converted(value: object, annotation: type) -> Any:
    return convert_argument(value, annotation, SCHEMA.schema_converter.scalar_registry, SCHEMA.config)


def asked(literal: str) -> Filter | None:
    return contact_filter(given("filter", literal))


def refused(literal: str) -> BadUserInput:
    with pytest.raises(BadUserInput) as caught:
        asked(literal)
    return caught.value


def test_every_operator_becomes_a_condition_on_the_graphql_field() -> None:
    assert asked('{email: {eq: "A@b.c", in: ["x", ""], startsWith: "a", isNull: false}}') == And(
        (
            Condition("email", Operator.EQ, "A@b.c"),
            Condition("email", Operator.IN, ("x", "")),
            Condition("email", Operator.STARTS_WITH, "a"),
            Condition("email", Operator.IS_NULL, False),
        )
    )
    assert asked('{company: {ne: "", notIn: [], contains: "x"}}') == And(
        (
            Condition("company", Operator.NE, ""),
            Condition("company", Operator.NOT_IN, ()),
            Condition("company", Operator.CONTAINS, "x"),
        )
    )


@pytest.mark.parametrize(
    "field",
    ["firstName", "lastName", "displayName", "email", "phone", "company", "status", "stage", "tag", "assigneeId"],
)
def test_a_single_condition_stands_alone(field: str) -> None:
    assert asked(f'{{{field}: {{eq: "v"}}}}') == Condition(field, Operator.EQ, "v")


def test_dates_are_asked_in_utc() -> None:
    assert asked('{createdAt: {gte: "2026-01-01T03:00:00+03:00", lt: "2026-02-01T00:00:00Z"}}') == And(
        (Condition("createdAt", Operator.GTE, NEW_YEAR), Condition("createdAt", Operator.LT, QUIET))
    )


def test_and_or_and_not_keep_their_shape() -> None:
    assert asked('{and: [{email: {eq: "a"}}], or: [{}, {not: {tag: {in: ["t"]}}}]}') == And(
        (
            And((Condition("email", Operator.EQ, "a"),)),
            Or((And(()), Not(Condition("tag", Operator.IN, ("t",))))),
        )
    )


def test_empty_filters_mean_what_the_design_says() -> None:
    assert asked("{}") is None
    assert asked("{and: []}") is None
    assert asked("{or: []}") == Or(())
    assert asked("{email: {}}") is None
    assert contact_filter(None) is None


@pytest.mark.parametrize(
    ("literal", "argument"),
    [
        ("{email: {eq: null}}", "filter.email.eq"),
        ("{email: null}", "filter.email"),
        ("{createdAt: {gte: null}}", "filter.createdAt.gte"),
        ("{or: [{}, {email: {in: null}}]}", "filter.or[1].email.in"),
        ("{and: null}", "filter.and"),
        ("{not: {company: {isNull: null}}}", "filter.not.company.isNull"),
        ("{wacr: {statusId: {eq: null}}}", "filter.wacr.statusId.eq"),
    ],
)
def test_an_explicit_null_is_refused_and_the_remedy_named(literal: str, argument: str) -> None:
    error = refused(literal)
    assert error.argument == argument
    assert "null" in error.message
    assert "isNull" in error.message or "leave it out" in error.message


@pytest.mark.parametrize(
    ("literal", "argument"),
    [
        ('{or: [{wacr: {type: {eq: "lead"}}}]}', "filter.or[0].wacr"),
        ('{not: {tether: {status: "New"}}}', "filter.not.tether"),
        ("{and: [{}, {or: [{and: [{askElephant: {}}]}]}]}", "filter.and[1].or[0].and[0].askElephant"),
    ],
)
def test_a_providers_filter_under_or_and_not_is_refused_by_its_path(literal: str, argument: str) -> None:
    assert refused(literal).argument == argument


def test_a_providers_filter_may_stand_at_the_top_and_under_and() -> None:
    assert asked('{wacr: {type: {eq: "lead"}}}') == Condition("wacr.type", Operator.EQ, "lead")
    assert asked('{and: [{and: [{tether: {status: "New"}}]}]}') == And(
        (And((Condition("tether.status", Operator.EQ, "New"),)),)
    )


def test_tethers_filters_are_asked_in_its_own_values() -> None:
    literal = """{tether: {
        source: "web", ownerFilter: MY, owner: ["u1", "u2"], stages: ["New"], bulkOnly: true, messageStatus: ANSWERED
        customFilters: [{key: "plan", value: "gold"}, {key: "seats", value: {min: 2, tags: ["a", null]}}]
        lastMessageTimeRange: {value: 12, unit: HOURS}, lastMessageDateRange: {start: "2026-01-01T00:00:00Z"}
    }}"""
    assert asked(literal) == And(
        (
            Condition("tether.source", Operator.EQ, "web"),
            Condition("tether.ownerFilter", Operator.EQ, "MY"),
            Condition("tether.owner", Operator.IN, ("u1", "u2")),
            Condition("tether.stages", Operator.IN, ("New",)),
            Condition(
                "tether.customFilters",
                Operator.EQ,
                (("plan", '"gold"'), ("seats", '{"min":2,"tags":["a",null]}')),
            ),
            Condition("tether.bulkOnly", Operator.EQ, True),
            Condition("tether.messageStatus", Operator.EQ, "ANSWERED"),
            Condition("tether.lastMessageTimeRange", Operator.EQ, (12, "HOURS")),
            Condition("tether.lastMessageDateRange", Operator.EQ, (NEW_YEAR, None)),
        )
    )


def test_every_filter_can_be_hashed() -> None:
    literal = '{tether: {customFilters: [{key: "k", value: {a: [1]}}]}, tag: {in: ["a"]}, not: {email: {eq: "e"}}}'
    assert hash(asked(literal)) == hash(asked(literal))


@pytest.mark.parametrize(
    ("literal", "argument", "words"),
    [
        ("{tether: {lastMessageTimeRange: {value: 0, unit: DAYS}}}", "filter.tether.lastMessageTimeRange.value", "1"),
        ("{tether: {lastMessageDateRange: {}}}", "filter.tether.lastMessageDateRange", "start, end or both"),
        (
            '{tether: {lastMessageDateRange: {start: "2026-02-01T00:00:00Z", end: "2026-01-01T00:00:00Z"}}}',
            "filter.tether.lastMessageDateRange",
            "later",
        ),
        ('{wacr: {statusId: {between: ["1"]}}}', "filter.wacr.statusId.between", "two ids"),
        ('{wacr: {statusId: {between: ["1", "x"]}}}', "filter.wacr.statusId.between[1]", "whole number"),
        ('{wacr: {groupId: {gt: "abc"}}}', "filter.wacr.groupId.gt", "whole number"),
        (
            '{wacr: {createdAt: {between: {start: "2026-01-01T00:00:00Z"}}}}',
            "filter.wacr.createdAt.between",
            "start and end",
        ),
        ("{askElephant: {crmAssociations: []}}", "filter.askElephant.crmAssociations", "1 to 20"),
        (
            "{askElephant: {crmAssociations: [" + '{id: "c"}' * 21 + "]}}",
            "filter.askElephant.crmAssociations",
            "got 21",
        ),
    ],
)
def test_what_a_provider_cannot_be_asked_is_refused_by_its_path(literal: str, argument: str, words: str) -> None:
    error = refused(literal)
    assert error.argument == argument
    assert words in error.message


def test_wacrs_filters_keep_operators_and_ranges() -> None:
    literal = """{wacr: {
        statusId: {in: [1, "2"], between: [3, 9]}, type: {like: "le"},
        createdAt: {between: {start: "2026-01-01T00:00:00Z", end: "2026-02-01T00:00:00Z"}}
    }}"""
    assert asked(literal) == And(
        (
            Condition("wacr.type", Operator.LIKE, "le"),
            Condition("wacr.statusId", Operator.IN, ("1", "2")),
            Condition("wacr.statusId", Operator.BETWEEN, ("3", "9")),
            Condition("wacr.createdAt", Operator.BETWEEN, (NEW_YEAR, QUIET)),
        )
    )


def test_crm_associations_are_pairs_with_the_default_object_type() -> None:
    assert asked('{askElephant: {crmAssociations: [{id: "c1"}, {id: "c2", objectType: "deal"}]}}') == Condition(
        "askElephant.crmAssociations", Operator.EQ, (("c1", "contact"), ("c2", "deal"))
    )


def test_filters_are_taken_up_to_a_depth() -> None:
    inner = '{email: {eq: "e"}}'
    for _ in range(MAX_DEPTH - 1):
        inner = f"{{not: {inner}}}"
    assert asked(inner) is not None
    error = refused(f"{{not: {inner}}}")
    assert error.argument == "filter" + ".not" * MAX_DEPTH
    assert str(MAX_DEPTH) in error.message


def test_orders_run_upwards_unless_said() -> None:
    assert contact_orders(given("orderBy", "[{field: LAST_NAME}, {field: CREATED_AT, direction: DESC}]")) == (
        Order(OrderField.LAST_NAME),
        Order(OrderField.CREATED_AT, descending=True),
    )
    assert contact_orders(None) == ()


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-01-01T00:00:00Z", NEW_YEAR),
        ("2026-01-01t00:00:00z", NEW_YEAR),
        ("2025-12-31T19:30:00-04:30", NEW_YEAR),
        ("2026-01-01T00:00:00.1234567Z", NEW_YEAR.replace(microsecond=123456)),
        ("2026-01-01T00:00:00.5+00:00", NEW_YEAR.replace(microsecond=500000)),
    ],
)
def test_a_date_time_with_an_offset_is_an_instant_in_utc(text: str, instant: datetime) -> None:
    found = parsed_instant(text)
    assert found == instant
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("2026-01-01", "with an offset"),
        ("2026-01-01T00:00:00", "with an offset"),
        ("2026-01-01T00:00Z", "with an offset"),
        ("yesterday", "RFC 3339"),
        ("", "RFC 3339"),
        ("٢٠٢٦-01-01T00:00:00Z", "RFC 3339"),
        ("2026-01-01T00:00:00Z\n", "RFC 3339"),
        ("2026-01-01T00:00:00." + "1" * 1000 + "Z", "RFC 3339"),
        (1767225600, "as a string"),
        (None, "as a string"),
        (["2026-01-01T00:00:00Z"], "as a string"),
        ("2016-12-31T23:59:60Z", "leap second"),
        ("2026-02-29T00:00:00Z", "no such date"),
        ("2026-01-01T25:00:00Z", "no such date"),
        ("2026-01-01T00:00:00+24:00", "no such date"),
        ("2026-01-01T00:00:00+01:60", "no such date"),
        ("0000-01-01T00:00:00Z", "no such date"),
        ("0001-01-01T00:00:00+14:00", "no such date"),
        ("9999-12-31T23:59:59-01:00", "no such date"),
    ],
)
def test_anything_else_is_no_date_time_and_the_error_says_what_is(value: object, words: str) -> None:
    with pytest.raises(GraphQLError, match="DateTime") as caught:
        parsed_instant(value)
    assert words in caught.value.message
    assert caught.value.extensions == {"code": "BAD_USER_INPUT"}


def test_a_bad_date_time_in_a_variable_is_named_by_its_path() -> None:
    document = parse("query ($f: ContactFilter) { contacts(filter: $f) { totalCount } }")
    variables = {"f": {"createdAt": {"gte": "2026-01-01"}}}
    errors = get_variable_values(
        GRAPHQL_SCHEMA,
        document.definitions[0].variable_definitions,  # type: ignore[attr-defined]
        variables,
    )
    assert isinstance(errors, list)
    (error,) = errors
    assert "$f" in error.message
    assert "createdAt.gte" in error.message
    assert error.extensions == {"code": "BAD_USER_INPUT"}


def test_a_bad_date_time_in_the_document_is_a_validation_error_with_its_place() -> None:
    document = parse('{ contacts(filter: {createdAt: {gte: "2026-01-01"}}) { totalCount } }')
    (error,) = validate(GRAPHQL_SCHEMA, document)
    assert "with an offset" in error.message
    assert error.extensions == {"code": "BAD_USER_INPUT"}
    assert error.locations


def test_instants_leave_with_a_z() -> None:
    kenya = datetime.fromisoformat("2026-01-01T03:00:00+03:00")
    assert msgspec.json.encode(serialized_instant(kenya)) == b'"2026-01-01T00:00:00Z"'
    with pytest.raises(ValueError, match="zone"):
        serialized_instant(datetime(2026, 1, 1))  # noqa: DTZ001
