"""What the resolvers are told of a selection: fragments, type conditions, @skip and @include, and the memory of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from graphql import DocumentNode, execute, parse, validate

from gql.schema.core.context import RequestContext
from gql.schema.core.selection import snake_case
from gql.schema.schema import GRAPHQL_SCHEMA
from resolvers import contacts, persons, stages
from resolvers import nodes as lookup
from resolvers.model.records import ContactConnectionRecord, Outcome, PageInfoRecord, SourceErrorPolicy
from resolvers.model.selection import Wanted
from resolvers.paging.arguments import PageArguments
from resolvers.request.operation import Operation

EMPTY = ContactConnectionRecord([], [], PageInfoRecord(False, False, None, None), None, [])

Run = Callable[..., Any]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the resolvers of contacts, stages, node and person were asked for, in order."""
    seen: list[Any] = []

    async def _contacts(_operation: Operation, question: contacts.ContactsQuestion, wanted: Wanted) -> Outcome:
        seen.append((question, wanted))
        return Outcome(EMPTY, [])

    async def _node(_operation: Operation, _id: str, wanted: Callable[[str], frozenset[str]]) -> None:
        seen.append({name: wanted(name) for name in ("Contact", "Tag", "User")})

    async def _person(_operation: Operation, _email: str | None, _phone: str | None, parts: frozenset[str]) -> None:
        seen.append(parts)

    async def _stages(*arguments: Any) -> Outcome:
        seen.append(arguments[-1])
        return Outcome(None, [])

    monkeypatch.setattr(contacts, "contacts", _contacts)
    monkeypatch.setattr(stages, "pipeline_stages", _stages)
    monkeypatch.setattr(lookup, "node", _node)
    monkeypatch.setattr(persons, "person", _person)
    return seen


async def run(
    document: str | DocumentNode, plans: dict[Any, Any] | None = None, variables: dict[str, Any] | None = None
) -> None:
    node = parse(document) if isinstance(document, str) else document
    assert validate(GRAPHQL_SCHEMA, node) == []
    context = RequestContext(Operation({}), plans)
    result: Any = execute(GRAPHQL_SCHEMA, node, context_value=context, variable_values=variables)
    if not hasattr(result, "errors"):
        result = await result
    assert result.errors is None


async def wanted_by(asked: list[Any], selection: str, **options: Any) -> Wanted:
    await run(f"query {options.pop('head', '')} {{ contacts {{ {selection} }} }} {options.pop('tail', '')}", **options)
    wanted: Wanted = asked[-1][1]
    return wanted


async def test_a_contacts_parts_are_those_of_nodes_and_edges_by_their_python_names(asked: list[Any]) -> None:
    wanted = await wanted_by(
        asked, "nodes { displayName tags { id name } } edges { node { phoneE164 stage { contactCount } } }"
    )
    assert wanted == Wanted(
        contacts=True,
        parts=frozenset({"display_name", "tags", "tags.id", "tags.name", "phone_e164", "stage", "stage.contact_count"}),
        cursors=False,
        page_info=False,
        total=False,
        slices=False,
    )


async def test_what_is_not_selected_is_not_wanted(asked: list[Any]) -> None:
    nothing = Wanted(contacts=False, parts=frozenset(), cursors=False, page_info=False, total=False, slices=False)
    assert await wanted_by(asked, "__typename") == nothing
    assert (await wanted_by(asked, "totalCount")).total
    assert (await wanted_by(asked, "sources { totalCount }")).total
    assert not (await wanted_by(asked, "sources { status }")).total
    assert (await wanted_by(asked, "sources { status }")).slices
    assert (await wanted_by(asked, "pageInfo { endCursor }")).page_info
    assert (await wanted_by(asked, "edges { cursor }")).cursors
    assert (await wanted_by(asked, "edges { cursor }")).contacts
    assert not (await wanted_by(asked, "edges { node { id } }")).cursors


async def test_aliases_count_by_the_fields_own_names(asked: list[Any]) -> None:
    wanted = await wanted_by(asked, "n: nodes { status: company } total: totalCount")
    assert wanted.parts == {"company"}
    assert wanted.total


async def test_details_are_told_down_to_the_second_dot(asked: list[Any]) -> None:
    wanted = await wanted_by(
        asked,
        """nodes { details {
            ... on WacrContact { statusData } ... on TetherContact { createdBy { name } }
        } }""",
    )
    assert wanted.parts == {"details", "details.status_data", "details.created_by", "details.created_by.name"}


async def test_fragments_are_followed(asked: list[Any]) -> None:
    wanted = await wanted_by(
        asked,
        "...Page",
        tail="""
            fragment Page on ContactConnection { nodes { ...Names ... on Node { id } ... { email } } }
            fragment Names on Contact { firstName tags { ...TagName } }
            fragment TagName on Tag { name }
        """,
    )
    assert wanted.parts == {"first_name", "tags", "tags.name", "id", "email"}


async def test_fragments_that_multiply_cost_no_more_than_their_text(asked: list[Any]) -> None:
    levels = 60
    tail = "\n".join(f"fragment F{i} on Contact {{ ...F{i + 1} ... {{ ...F{i + 1} }} }}" for i in range(levels))
    wanted = await wanted_by(asked, "nodes { ...F0 }", tail=f"{tail} fragment F{levels} on Contact {{ email }}")
    assert wanted.parts == {"email"}


async def test_skip_and_include_decide(asked: list[Any]) -> None:
    wanted = await wanted_by(
        asked,
        """totalCount @skip(if: true) nodes {
            email @include(if: $yes) phone @skip(if: $yes) company @include(if: $no)
            ... @include(if: $no) { status } tags @include(if: $yes) @skip(if: $no) { id }
        }""",
        head="($yes: Boolean!, $no: Boolean = false)",
        variables={"yes": True},
    )
    assert wanted.parts == {"email", "tags", "tags.id"}
    assert not wanted.total


async def test_a_document_is_looked_at_once_for_each_combination_of_conditions(asked: list[Any]) -> None:
    document = parse("query ($full: Boolean!) { contacts { nodes { id email @include(if: $full) } } }")
    plans: dict[Any, Any] = {}
    await run(document, plans, {"full": True})
    await run(document, plans, {"full": False})
    before = dict(plans)
    await run(document, plans, {"full": True})
    first, second, third = (wanted for _, wanted in asked)
    assert first.parts == {"id", "email"}
    assert second.parts == {"id"}
    assert third is first
    assert plans == before


async def test_two_fields_of_one_document_are_told_apart(asked: list[Any]) -> None:
    await run("{ a: contacts { nodes { id } } b: contacts { nodes { email } } }")
    assert [wanted.parts for _, wanted in asked] == [{"id"}, {"email"}]


async def test_fields_that_merge_are_wanted_together(asked: list[Any]) -> None:
    await run(
        "{ contacts { nodes { id } } ...More } fragment More on Query { contacts { nodes { email } totalCount } }"
    )
    ((_, wanted),) = asked
    assert wanted.parts == {"id", "email"}
    assert wanted.total


async def test_a_node_is_asked_for_what_is_selected_of_its_type(asked: list[Any]) -> None:
    await run("""{ node(id: "x") {
        id ... on Contact { email tags { color } } ... on Tag { contactCount } ... on Node { __typename }
    } }""")
    assert asked == [
        {
            "Contact": {"id", "email", "tags", "tags.color", "__typename"},
            "Tag": {"id", "contact_count", "__typename"},
            "User": {"id", "__typename"},
        }
    ]


async def test_a_persons_parts_are_its_contacts(asked: list[Any]) -> None:
    await run('{ person(email: "a@b.c") { displayName contacts { company stage { name } } } }')
    assert asked == [{"company", "stage", "stage.name"}]


@pytest.mark.parametrize(
    ("selection", "nested"),
    [
        ("name", None),
        ("contacts(first: 10) { nodes { id } }", 10),
        ("contacts(first: $size, after: $none, search: null) { nodes { id } }", 7),
        ("contacts { nodes { id } }", 25),
        ("contacts(first: 10) { totalCount }", 1),
        ("a: contacts(first: 3) { nodes { id } } b: contacts(first: 4) { nodes { id } }", 4),
        ('contacts(first: 10, after: "c") { nodes { id } }', None),
        ("contacts(last: 10) { nodes { id } }", None),
        ('contacts(first: 10, search: "x") { nodes { id } }', None),
        ("contacts(first: 10, filter: {}) { nodes { id } }", None),
        ("contacts(first: 10) @skip(if: true) { nodes { id } }", None),
        ('contacts(first: 10, after: "c") { nodes { id } } first: contacts(first: 2) { nodes { id } }', 2),
    ],
)
@pytest.mark.parametrize("place", ["nodes", "edges { node"])
async def test_a_board_is_told_how_many_contacts_of_every_stage_begin_it(
    asked: list[Any], place: str, selection: str, nested: int | None
) -> None:
    kinds = {"$size": "Int", "$none": "String"}
    declared = " ".join(f"{name}: {kind}" for name, kind in kinds.items() if name in selection)
    head = f"query ({declared})" if declared else "query"
    closing = " }" if "{" in place else ""
    document = f"{head} {{ pipelineStages {{ {place} {{ {selection} }}{closing} }} }}"
    await run(document, variables={"size": 7} if declared else None)
    assert asked[-1].nested == nested


async def test_a_board_with_another_size_in_its_variables_is_another_board(asked: list[Any]) -> None:
    document = parse("query ($n: Int) { pipelineStages { nodes { contacts(first: $n) { nodes { id } } } } }")
    plans: dict[Any, Any] = {}
    for size in (5, 50, None):
        await run(document, plans, {"n": size})
    assert [wanted.nested for wanted in asked] == [5, 50, 25]


async def test_arguments_reach_the_question(asked: list[Any]) -> None:
    await run("""{ contacts(
        first: 5, after: "c", sources: ["a", "b"], search: "s", onSourceError: SLICES_ONLY, last: null
    ) { totalCount } }""")
    question = asked[0][0]
    assert question.page == PageArguments(first=5, after="c")
    assert question.sources == ("a", "b")
    assert question.search == "s"
    assert question.policy is SourceErrorPolicy.SLICES_ONLY
    assert question.filter is None
    assert question.orders == ()


@pytest.mark.parametrize(
    ("name", "expected"),
    [("id", "id"), ("phoneE164", "phone_e164"), ("isBulkSms", "is_bulk_sms"), ("__typename", "__typename")],
)
def test_names_are_told_as_attributes(name: str, expected: str) -> None:
    assert snake_case(name) == expected
