"""What a client sees of an error: its code, its place, and nothing internal."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from graphql import ExecutionResult, GraphQLError, execute, parse, validate

from gql.errors import ErrorCode, public_errors, request_error
from gql.schema.core.context import RequestContext
from gql.schema.schema import GRAPHQL_SCHEMA
from providers.spi.errors import SourceError, SourceRateLimited, SourceUnauthenticated
from resolvers import contacts
from resolvers import nodes as lookup
from resolvers.model.errors import BadUserInput
from resolvers.model.records import ContactConnectionRecord, Outcome, PageInfoRecord
from resolvers.request.operation import Operation

PAGE = ContactConnectionRecord([], [], PageInfoRecord(True, False, None, "c"), None, [])
LIMITED = SourceRateLimited("sales", "sales answered 429; retry in 12 s", status=429, retry_after=12.0, request_id="r1")
REFUSED = SourceUnauthenticated("crm", "crm did not accept its credential")

LIMITED_EXTENSIONS = {
    "code": "SOURCE_RATE_LIMITED",
    "source": "sales",
    "status": 429,
    "retryAfter": 12.0,
    "requestId": "r1",
}


async def run(document: str) -> tuple[Any, list[dict[str, Any]]]:
    """The data, and the errors as clients see them."""
    context = RequestContext(Operation({}))
    result: Any = execute(GRAPHQL_SCHEMA, parse(document), context_value=context)
    if not isinstance(result, ExecutionResult):
        result = await result
    return result.data, [dict(error.formatted) for error in public_errors(result.errors, context.errors)]


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes Query.contacts answer with an outcome, or raise."""

    def answer(outcome: Outcome | Exception) -> None:
        async def _contacts(*_arguments: Any) -> Outcome:
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        monkeypatch.setattr(contacts, "contacts", _contacts)

    return answer


def query(policy: str) -> str:
    return f"{{\n  list: contacts(onSourceError: {policy}) {{ pageInfo {{ endCursor }} }}\n}}"


async def test_partial_keeps_the_page_and_tells_each_failure_at_the_field(answer: Any) -> None:
    answer(Outcome(PAGE, [LIMITED, REFUSED]))
    data, errors = await run(query("PARTIAL"))
    assert data == {"list": {"pageInfo": {"endCursor": "c"}}}
    assert errors == [
        {
            "message": "sales answered 429; retry in 12 s",
            "locations": [{"line": 2, "column": 3}],
            "path": ["list"],
            "extensions": LIMITED_EXTENSIONS,
        },
        {
            "message": "crm did not accept its credential",
            "locations": [{"line": 2, "column": 3}],
            "path": ["list"],
            "extensions": {"code": "SOURCE_UNAUTHENTICATED", "source": "crm"},
        },
    ]


async def test_slices_only_says_nothing_in_errors_while_there_is_a_page(answer: Any) -> None:
    answer(Outcome(PAGE, [LIMITED]))
    assert await run(query("SLICES_ONLY")) == ({"list": {"pageInfo": {"endCursor": "c"}}}, [])


@pytest.mark.parametrize("policy", ["PARTIAL", "SLICES_ONLY", "FAIL"])
async def test_without_a_page_every_policy_says_why(answer: Any, policy: str) -> None:
    answer(Outcome(None, [LIMITED]))
    data, errors = await run(query(policy))
    assert data == {"list": None}
    assert [error["extensions"] for error in errors] == [LIMITED_EXTENSIONS]


async def test_fail_makes_the_field_null_for_any_failure(answer: Any) -> None:
    answer(Outcome(PAGE, [LIMITED]))
    data, errors = await run(query("FAIL"))
    assert data == {"list": None}
    assert [error["path"] for error in errors] == [["list"]]


async def test_no_failure_is_no_error(answer: Any) -> None:
    answer(Outcome(PAGE, []))
    assert await run(query("FAIL")) == ({"list": {"pageInfo": {"endCursor": "c"}}}, [])


async def test_a_clients_mistake_names_the_argument(answer: Any, caplog: pytest.LogCaptureFixture) -> None:
    answer(BadUserInput("first", "expected 0 to 100, got 101"))
    data, errors = await run(query("PARTIAL"))
    assert data == {"list": None}
    assert errors == [
        {
            "message": "first: expected 0 to 100, got 101",
            "locations": [{"line": 2, "column": 3}],
            "path": ["list"],
            "extensions": {"code": "BAD_USER_INPUT", "argument": "first"},
        }
    ]
    assert caplog.records == []


async def test_a_mistake_in_a_filter_is_one_too() -> None:
    _, (error,) = await run("{ contacts(filter: {not: {email: {eq: null}}}) { totalCount } }")
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": "filter.not.email.eq"}


async def test_more_than_a_hundred_ids_are_refused() -> None:
    ids = ", ".join(['"x"'] * 101)
    data, (error,) = await run(f"{{ nodes(ids: [{ids}]) {{ id }} }}")
    assert data is None
    assert error["message"] == "ids: expected at most 100 ids, got 101"
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": "ids"}


async def test_a_raised_source_error_has_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    async def _contact(*_arguments: Any) -> None:
        raise LIMITED

    monkeypatch.setattr(lookup, "contact", _contact)
    data, (error,) = await run('{ contact(id: "x") { id } }')
    assert data == {"contact": None}
    assert error["extensions"] == LIMITED_EXTENSIONS


async def test_an_internal_error_is_masked_and_logged_under_the_clients_id(
    answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    answer(RuntimeError("secret detail"))
    with caplog.at_level(logging.ERROR):
        _, (error,) = await run(query("PARTIAL"))
    assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert error["extensions"]["errorId"] in error["message"]
    assert "secret detail" not in str(error)
    (record,) = caplog.records
    assert error["extensions"]["errorId"] in record.getMessage()
    assert record.exc_info is not None
    assert "secret detail" in str(record.exc_info[1])


def test_what_graphql_finds_wrong_is_the_clients_mistake() -> None:
    errors = validate(GRAPHQL_SCHEMA, parse("{ contacts(frist: 1) { totalCount } }"))
    (error,) = public_errors(errors)
    assert error.extensions == {"code": "BAD_USER_INPUT"}
    assert "frist" in error.message
    assert error.locations


def test_an_error_of_the_request_keeps_its_code() -> None:
    (error,) = public_errors([request_error(ErrorCode.QUERY_TOO_COMPLEX, "too deep", limit=15)])
    assert isinstance(error, GraphQLError)
    assert error.formatted == {"message": "too deep", "extensions": {"code": "QUERY_TOO_COMPLEX", "limit": 15}}


def test_every_source_error_in_the_tree_has_a_code_of_the_public_enum() -> None:
    codes = GRAPHQL_SCHEMA.get_type("SourceErrorCode")
    classes = [leaf for branch in SourceError.__subclasses__() for leaf in branch.__subclasses__()]
    assert len(classes) > 5
    assert {leaf.code.value for leaf in classes} <= set(codes.values)  # type: ignore[union-attr]
