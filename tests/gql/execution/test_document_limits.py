"""What a document may be: each limit refuses what is over it, names its setting, and lets pass what is at it."""

from typing import Any

import pytest
from graphql import get_introspection_query

from gql.configuration.settings import LimitSettings
from gql.execution.document_cache import Documents
from tests.support.standin import SCHEMA, standin_client


def documents(**limits: Any) -> Documents:
    return Documents(SCHEMA, LimitSettings(**limits))


def refusal(text: str, **limits: Any) -> tuple[str, str] | None:
    """The code and the setting of what a document is refused for, None when it is not."""
    errors = documents(**limits).get(text).errors
    if not errors:
        return None
    (error,) = errors
    extensions = error.extensions or {}
    return extensions["code"], extensions["setting"]


def cost(text: str, **variables: Any) -> int:
    document = documents().get(text)
    assert not document.errors
    return document.operations[0].cost.total(variables)


TOO_COMPLEX = "QUERY_TOO_COMPLEX"


@pytest.mark.parametrize(
    ("setting", "limit", "at_the_limit", "over_it"),
    [
        ("document_bytes", 20, "{ hello }" + " " * 11, "{ hello }" + " " * 12),
        ("document_bytes", 20, "{ hello } # " + "é" * 4, "{ hello } # " + "é" * 5),
        ("tokens", 10, "{" + "hello " * 8 + "}", "{" + "hello " * 9 + "}"),
        ("depth", 3, "{ contact { friend { id } } }", "{ contact { friend { friend { id } } } }"),
        (
            "depth",
            3,
            "{ contact { ...F } } fragment F on Contact { friend { id } }",
            "{ contact { ...F } } fragment F on Contact { friend { ...G } } fragment G on Contact { tags { id } }",
        ),
        ("depth", 2, "{ ... { ... { contact { ... { id } } } } }", "{ contact { ... { friend { id } } } }"),
        ("aliases", 2, "{ a: hello b: hello }", "{ a: hello b: hello c: hello }"),
        (
            "aliases",
            2,
            "{ contact { ...F } } fragment F on Contact { a: id b: id }",
            "{ contact { ...F friend { ...F } } } fragment F on Contact { a: id b: id }",
        ),
        ("root_fields", 2, "{ hello sources }", "{ hello sources fresh }"),
        (
            "root_fields",
            2,
            "{ ...F } fragment F on Query { hello sources }",
            "{ hello ...F } fragment F on Query { hello sources }",
        ),
    ],
)
def test_a_document_over_a_limit_is_refused_with_its_setting(
    setting: str, limit: int, at_the_limit: str, over_it: str
) -> None:
    assert refusal(at_the_limit, **{setting: limit}) is None
    assert refusal(over_it, **{setting: limit}) == (TOO_COMPLEX, f"server.limits.{setting}")


def test_a_refusal_says_how_much_is_allowed_and_how_much_was_asked() -> None:
    (error,) = documents(depth=2).get("{ contact { friend { id } } }").errors
    assert error.message == "fields are nested 3 deep; the limit is 2 (server.limits.depth)"
    assert error.extensions == {"code": TOO_COMPLEX, "setting": "server.limits.depth", "limit": 2}


def chain(fragments: int, end: str = "id", operation: str = "{ contact { ...F1 } }") -> str:
    """A document of so many fragments that spread each other in a row, below two levels of the operation."""
    steps = "".join(f"fragment F{step} on Contact {{ ...F{step + 1} }}" for step in range(1, fragments))
    return f"{operation} {steps} fragment F{fragments} on Contact {{ {end} }}"


NESTED = (
    "the document is nested too deeply, fragments counted where they are spread; the limit is 200 (no setting)",
    {"code": TOO_COMPLEX, "limit": 200},
)


@pytest.mark.parametrize(
    ("at_the_limit", "over_it"),
    [
        (chain(198), chain(199)),
        (chain(198), chain(250)),
        (chain(150, "... { " * 48 + "id" + " }" * 48), chain(150, "... { " * 49 + "id" + " }" * 49)),
        (chain(200, operation="{ hello }"), chain(201, operation="{ hello }")),
        ("{ hello(name: " + "[" * 199 + "]" * 199 + ") }", "{ hello(name: " + "[" * 200 + "]" * 200 + ") }"),
        (
            "{ hello(name: " + "{a:" * 190 + "1" + "}" * 190 + ") }",
            "{ hello(name: " + "{a:" * 250 + "1" + "}" * 250 + ") }",
        ),
        ("{" + "... {" * 190 + "hello" + "}" * 190 + "}", "{" + "... {" * 250 + "hello" + "}" * 250 + "}"),
        (
            "query($a: " + "[" * 200 + "Int" + "]" * 200 + ") { hello }",
            "query($a: " + "[" * 201 + "Int" + "]" * 201 + ") { hello }",
        ),
        ("{ hello }", chain(5_000)),
    ],
    ids=["chain", "longer chain", "inline", "not spread", "lists", "objects", "inline alone", "types", "very long"],
)
def test_nesting_that_validation_cannot_follow_is_too_complex(at_the_limit: str, over_it: str) -> None:
    generous = documents(tokens=100_000, document_bytes=1_000_000)
    assert TOO_COMPLEX not in [(error.extensions or {}).get("code") for error in generous.get(at_the_limit).errors]
    assert [(error.message, error.extensions) for error in generous.get(over_it).errors] == [NESTED]


def test_fields_that_take_too_long_to_compare_are_too_complex() -> None:
    text = "{ contacts { " + ("nodes { " + "id " * 30 + "} ") * 80 + "} }"
    (error,) = documents().get(text).errors
    assert error.message == (
        "validation takes too many steps: the same fields are selected too often, or fragments spread in too many"
        " operations; the limits are 500,000 and 50,000 (no settings)"
    )
    assert error.extensions == {"code": TOO_COMPLEX}
    assert not documents().get("{ contacts { " + ("nodes { " + "id " * 30 + "} ") * 5 + "} }").errors


def test_more_mistakes_than_are_told_are_still_mistakes() -> None:
    errors = documents().get("{ " + " ".join(f"unheardOf{number}" for number in range(40)) + " }").errors
    assert len(errors) == 21
    assert errors[0].message == "Cannot query field 'unheardOf0' on type 'Query'."
    assert errors[-1].message == "Too many validation errors, error limit reached. Validation aborted."


def test_comments_count_as_tokens() -> None:
    assert refusal("#\n" * 20 + "{ hello }", tokens=10) == (TOO_COMPLEX, "server.limits.tokens")


def test_a_fragment_that_spreads_itself_is_a_validation_error() -> None:
    (error,) = documents().get("{ contact { ...F } } fragment F on Contact { friend { ...F } }").errors
    assert "Cannot spread fragment 'F' within itself" in error.message


def test_spreads_that_double_at_every_step_are_counted_without_walking_them() -> None:
    steps = "".join(f"fragment F{i} on Contact {{ ...F{i + 1} friend {{ ...F{i + 1} }} }}" for i in range(18))
    text = f"{{ contact {{ ...F0 }} }} {steps} fragment F18 on Contact {{ a: id }}"
    assert refusal(text) == (TOO_COMPLEX, "server.limits.aliases")


@pytest.mark.parametrize(
    "text", ["{" * 5000, "{ a(b: " + "[" * 5000, "query(" * 3000, "\x00", '{ hello(name: "\\ud800") }']
)
def test_hostile_text_is_an_error_of_the_client(text: str) -> None:
    errors = documents(tokens=20_000).get(text).errors
    assert len(errors) == 1


# Cost


@pytest.mark.parametrize(
    ("text", "variables", "expected"),
    [
        ("{ hello sources }", {}, 0),
        ("{ contact { id } }", {}, 1),
        ("{ contacts { nodes { id } } }", {}, 1 + 25),
        ("{ contacts(first: 10) { nodes { id } } }", {}, 1 + 10),
        ("{ contacts(last: 10) { nodes { id } } }", {}, 1 + 10),
        ("{ contacts(first: 0) { nodes { id } } }", {}, 1),
        ("{ contacts(first: 10) { edges { cursor node { id } } } }", {}, 1 + 10),
        ("{ contacts(first: 10) { totalCount pageInfo { hasNextPage } } }", {}, 1 + 1),
        ("{ contacts(first: 10) { nodes { tags { id } } } }", {}, 1 + 10 * (1 + 5)),
        ("{ contacts(first: 10) { nodes { contacts(first: 20) { nodes { id } } } } }", {}, 1 + 10 * (1 + 1 + 20)),
        ("{ contacts(first: 10) { nodes { matches { id } } } }", {}, 1 + 10 * (1 + 30 + 5)),
        ('{ contacts(first: 10, filter: "x") { nodes { id } } }', {}, 1 + 50 + 10),
        ("{ contacts(first: 10, filter: null) { nodes { id } } }", {}, 1 + 10),
        ("{ a: contacts(first: 10) { nodes { id } } b: contacts(first: 5) { nodes { id } } }", {}, 1 + 10 + 1 + 5),
        ("query($n: Int) { contacts(first: $n) { nodes { id } } }", {"n": 40}, 1 + 40),
        ("query($n: Int) { contacts(first: $n) { nodes { id } } }", {}, 1 + 25),
        ("query($n: Int) { contacts(first: $n) { nodes { id } } }", {"n": None}, 1 + 25),
        ("query($n: Int = 7) { contacts(first: $n) { nodes { id } } }", {}, 1 + 7),
        ("query($n: Int) { contacts(first: $n) { nodes { id } } }", {"n": 10**18}, 1 + 100),
        ("query($n: Int) { contacts(first: $n) { nodes { id } } }", {"n": 40.0}, 1 + 40),
        ("query($n: Int) { contacts(first: $n) { nodes { id } } }", {"n": float("inf")}, 1 + 100),
        ("query($n: Int = null) { contacts(first: $n) { nodes { id } } }", {}, 1 + 25),
        ("query($n: Int) { contacts(first: $n, last: 100) { nodes { id } } }", {"n": None}, 1 + 100),
        ("query($n: Int) { contacts(first: $n, last: 100) { nodes { id } } }", {}, 1 + 100),
        ("query($n: Int) { contacts(first: $n, last: 10) { nodes { id } } }", {"n": None}, 1 + 10),
        ("query($n: Int) { contacts(first: $n, last: 10) { nodes { id } } }", {"n": 40}, 1 + 40),
        ("query($n: Int) { contacts(first: null, last: $n) { nodes { id } } }", {"n": 40}, 1 + 40),
        ("query($a: Int, $b: Int) { contacts(first: $a, last: $b) { nodes { id } } }", {"a": None, "b": 40}, 1 + 40),
        ("query($a: Int, $b: Int) { contacts(first: $a, last: $b) { nodes { id } } }", {"b": None}, 1 + 25),
        ("query($a: Int = 30, $b: Int) { contacts(first: $a, last: $b) { nodes { id } } }", {"b": 4}, 1 + 30),
        ("{ contacts(first: null, last: null) { nodes { id } } }", {}, 1 + 25),
        ("query($n: Int) { contacts(first: $n) { nodes { id } } }", {"n": -5}, 1),
        (
            "query($n: Int) { contacts(first: 10) { ...C } } fragment C on ContactConnection { nodes { ...F } }"
            " fragment F on Contact { contacts(first: $n) { nodes { id } } }",
            {"n": 3},
            1 + 10 * (1 + 1 + 3),
        ),
        ('{ nodes(ids: ["a", "b", "c"]) { id } }', {}, 3),
        ("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ["a"] * 8}, 8),
        ('{ nodes(ids: "a") { id } }', {}, 1),
        ("query($id: ID!) { nodes(ids: [$id, $id]) { id } }", {"id": "a"}, 2),
        ('{ __type(name: "Contact") { name } }', {}, 1_000),
    ],
)
def test_the_cost_is_what_may_be_returned_times_nesting(text: str, variables: dict[str, Any], expected: int) -> None:
    assert cost(text, **variables) == expected


def test_the_cost_of_spreads_that_double_at_every_step_is_known_at_once() -> None:
    steps = "".join(
        f"fragment F{i} on Contact {{ ...F{i + 1} contacts(first: $n) {{ nodes {{ ...F{i + 1} }} }} }}"
        for i in range(8)
    )
    text = f"query($n: Int) {{ contact {{ ...F0 }} }} {steps} fragment F8 on Contact {{ id }}"
    assert cost(text, n=1) == 1 + 2 * (2**8 - 1)


def test_an_operation_over_the_cost_is_refused_by_its_variables() -> None:
    query = "query($n: Int) { contacts(first: $n) { nodes { contacts(first: $n) { nodes { id } } } } }"
    with standin_client("[server.limits]\ncost = 1000") as client:
        cheap = client.post("/graphql", json={"query": query, "variables": {"n": 20}}).json()
        dear = client.post("/graphql", json={"query": query, "variables": {"n": 100}}).json()
    assert cheap == {"data": {"contacts": None}}
    (error,) = dear["errors"]
    assert error["message"] == (
        "the operation may cost 10,201 (page sizes multiply when nested); the limit is 1,000 (server.limits.cost)"
    )
    assert error["extensions"] == {"code": TOO_COMPLEX, "setting": "server.limits.cost", "limit": 1000}


def test_introspection_passes_the_default_limits() -> None:
    with standin_client() as client:
        answer = client.post("/graphql", json={"query": get_introspection_query()}).json()
    assert "errors" not in answer
    assert answer["data"]["__schema"]["queryType"]["name"] == "Query"


MISSPELT = [
    ("{ contacts }", {}),
    ("{ contacts { nodes } }", {}),
    ("{ helo }", {}),
    ('{ hello(nam: "x") }', {}),
    ("fragment F on Contat { id } { contact { ...F } }", {}),
    ("{ colour(wanted: GREN) }", {}),
    ("query($c: Colour) { colour(wanted: $c) }", {"c": "GREN"}),
]


@pytest.mark.parametrize(("query", "variables"), MISSPELT)
def test_suggestions_go_with_introspection(query: str, variables: dict[str, Any]) -> None:
    body = {"query": query, "variables": variables}
    with standin_client() as open_, standin_client("[server.limits]\nintrospection = false") as closed:
        assert "Did you mean" in open_.post("/graphql", json=body).text
        answer = closed.post("/graphql", json=body)
    assert answer.json()["errors"]
    assert "Did you mean" not in answer.text


def test_introspection_can_be_turned_off_and_typename_stays() -> None:
    with standin_client("[server.limits]\nintrospection = false") as client:
        for query in ("{ __schema { types { name } } }", '{ __type(name: "Contact") { name } }'):
            (error,) = client.post("/graphql", json={"query": query}).json()["errors"][:1]
            assert "introspection" in error["message"].lower()
        assert client.post("/graphql", json={"query": "{ __typename }"}).json() == {"data": {"__typename": "Query"}}


def test_the_schema_is_not_told_to_a_router_either_when_introspection_is_off() -> None:
    query = {"query": "{ _service { sdl } }"}
    with standin_client("[server.limits]\nintrospection = false") as client:
        answer = client.post("/graphql", json=query).json()
    assert [error["message"] for error in answer["errors"] if error["message"].startswith("_service: ")]
    assert "data" not in answer


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("{ contacts(first: 99999999999){ totalCount } }", "first: Int cannot represent"),
        ("{ contacts(first: {}){ totalCount } }", "first: "),
        ("{ hello(name: 3) }", "name: String cannot represent"),
    ],
)
def test_a_literal_of_the_wrong_kind_names_its_argument(query: str, message: str) -> None:
    with standin_client() as client:
        (error,) = client.post("/graphql", json={"query": query}).json()["errors"]
    assert error["message"].startswith(message)
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": message.partition(":")[0]}


# The cache of documents


def test_a_document_is_parsed_once() -> None:
    cache = documents()
    assert cache.get("{ hello }") is cache.get("{ hello }")
    assert (cache.hits, cache.misses, len(cache)) == (1, 1, 1)


def test_the_least_recently_used_document_goes_first() -> None:
    cache = Documents(SCHEMA, LimitSettings(), max_count=2)
    first = cache.get("{ hello }")
    cache.get("{ sources }")
    cache.get("{ hello }")
    cache.get("{ fresh }")
    assert len(cache) == 2
    assert cache.get("{ hello }") is first
    assert cache.misses == 3
    cache.get("{ sources }")
    assert cache.misses == 4


def test_the_texts_kept_are_bounded_together() -> None:
    cache = Documents(SCHEMA, LimitSettings(), max_bytes=100)
    for number in range(50):
        cache.get(f"{{ a{number:02}: hello }} # {'x' * 20}")
    assert len(cache) == 2
    cache.get("{ hello }" + " " * 200)
    assert len(cache) == 2
