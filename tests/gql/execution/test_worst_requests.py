"""The worst requests known are refused by the limit that they are over, or use no more than they may."""

from __future__ import annotations

from typing import Any

import pytest

from bench.worst.requests import REQUESTS, WorstRequest
from bench.worst.stage import open_stage
from gql.configuration.settings import LimitSettings
from providers.spi.budget import Counter

LIMITS = LimitSettings()


def test_there_are_sixty_with_names_of_their_own() -> None:
    assert len({request.name for request in REQUESTS}) == len(REQUESTS) >= 60


def test_every_limit_that_is_looked_at_before_execution_has_one() -> None:
    refusing = {request.refused for request in REQUESTS}
    assert refusing >= {
        "document_bytes",
        "tokens",
        "depth",
        "aliases",
        "root_fields",
        "conditions",
        "operands",
        "cost",
        "json_depth",
    }


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda each: each.name)
async def test_a_worst_request_is_refused_or_bounded(request_: WorstRequest) -> None:
    async with open_stage(request_.world) as stage:
        answer, size, budget = await stage.ask(request_)
    errors: list[dict[str, Any]] = answer.get("errors", [])
    codes = {error["extensions"]["code"] for error in errors}
    assert size <= LIMITS.answer_bytes
    if request_.refused is not None:
        assert codes == {"QUERY_TOO_COMPLEX"}
        assert budget is None
        (error,) = errors
        if request_.refused:
            setting = f"server.limits.{request_.refused}"
            assert error["extensions"]["setting"] == setting
            assert setting in error["message"]
        else:
            assert "setting" not in error["extensions"]
            assert "no setting" in error["message"]
        return
    if request_.mistake:
        assert codes == {"BAD_USER_INPUT"}
    else:
        # What is over a limit while it runs says so; nothing else goes wrong.
        assert codes <= {"QUERY_TOO_COMPLEX"}
    if budget is not None:
        over = {error["extensions"].get("setting") for error in errors}
        for counter in Counter:
            if f"server.limits.{counter.value}" not in over and counter is not Counter.EVALUATIONS:
                assert budget.used(counter) <= request_.at_most.get(counter, budget.limit(counter)), counter


PAGE = WorstRequest("a page", "{ contacts(first: 100) { nodes { id source { id } tags { id } } } }")
RAW = WorstRequest("raw", f"{{ contacts(first: 100) {{ nodes {{ {' '.join(f'a{n}: raw' for n in range(50))} }} }} }}")
STATUS = WorstRequest("a list of names", "{ sources { name } }")


@pytest.mark.parametrize(
    ("request_", "counter", "limit"), [(PAGE, Counter.OBJECTS, 150), (RAW, Counter.ANSWER_BYTES, 20_000)]
)
async def test_what_an_answer_uses_too_much_of_ends_the_operation_plain_and_projected(
    request_: WorstRequest, counter: Counter, limit: int
) -> None:
    async with open_stage("office", LimitSettings(**{counter.value: limit})) as stage:
        # The first execution is plain, the later ones are projected.
        for _ in range(3):
            answer, _, budget = await stage.ask(request_)
            assert answer.keys() == {"errors"}
            (error,) = answer["errors"]
            setting = f"server.limits.{counter.value}"
            assert error["extensions"]["code"] == "QUERY_TOO_COMPLEX"
            assert error["extensions"]["setting"] == setting
            assert f"the limit is {limit:,} ({setting})" in error["message"]
            # It ended soon behind the limit: no more than one list more was begun.
            assert budget is not None
            assert limit < budget.used(counter) < 3 * limit
        answer, _, _ = await stage.ask(STATUS)
        assert answer == {"data": {"sources": [{"name": "wacr"}, {"name": "autokonnect"}]}}


async def test_objects_are_counted_alike_plain_and_projected() -> None:
    async with open_stage("office") as stage:
        used = []
        for _ in range(3):
            answer, _, budget = await stage.ask(PAGE)
            assert len(answer["data"]["contacts"]["nodes"]) == 100
            assert budget is not None
            used.append(budget.used(Counter.OBJECTS))
    # A contact and its source each; the connection itself is no item of a list.
    assert used == [201, 200, 200]


async def test_an_answer_that_is_too_long_is_not_sent() -> None:
    names = " ".join(f"a{n}: nativeId" for n in range(90))
    request = WorstRequest("names", f"{{ contacts(first: 100) {{ nodes {{ {names} }} }} }}")
    async with open_stage("office", LimitSettings(answer_bytes=50_000)) as stage:
        answer, size, _ = await stage.ask(request)
    (error,) = answer["errors"]
    assert error["extensions"]["setting"] == "server.limits.answer_bytes"
    assert size < 1_000


async def test_a_dear_operation_is_projected_the_first_time_and_a_cheap_one_is_not() -> None:
    sources = " ".join(f"a{n}: source {{ id }}" for n in range(30))
    dear = WorstRequest("dear", f"{{ contacts(first: 100) {{ nodes {{ {sources} }} }} }}")
    async with open_stage("office") as stage:
        for request, projected in ((dear, True), (PAGE, False)):
            answer, _, _ = await stage.ask(request)
            assert len(answer["data"]["contacts"]["nodes"]) == 100
            plans = stage.documents.get(request.query).plans
            assert plans is not None
            assert (plans.projected > 0) is projected
