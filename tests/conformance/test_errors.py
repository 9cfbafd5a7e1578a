"""Whatever goes wrong in a source is one error with a public code and text (DESIGN.md 8, trap 13)."""

from __future__ import annotations

from typing import Any

import pytest

from providers.registry import PROVIDERS
from providers.spi.errors import Retriable, SourceError, SourceErrorCode
from providers.spi.query import ListQuery
from resolvers.model.records import SourceStatus
from tests.conformance.subject import Subject
from tests.support.world import TOKEN

pytestmark = pytest.mark.parametrize("provider", PROVIDERS)

C = SourceErrorCode
FAULTS: dict[str, tuple[dict[str, Any], SourceErrorCode, int | None]] = {
    "400": ({"kind": "status", "status": 400}, C.SOURCE_BAD_REQUEST, 400),
    "401": ({"kind": "status", "status": 401}, C.SOURCE_UNAUTHENTICATED, 401),
    "403": ({"kind": "status", "status": 403}, C.SOURCE_FORBIDDEN, 403),
    "404": ({"kind": "status", "status": 404}, C.SOURCE_BAD_REQUEST, 404),
    "422": ({"kind": "status", "status": 422}, C.SOURCE_BAD_REQUEST, 422),
    "429": ({"kind": "rate_limit", "seconds": 7.0}, C.SOURCE_RATE_LIMITED, 429),
    "500": ({"kind": "status", "status": 500}, C.SOURCE_UNAVAILABLE, 500),
    "a proxy's page with 502": ({"kind": "html", "status": 502}, C.SOURCE_UNAVAILABLE, 502),
    "a proxy's page with 200": ({"kind": "html_200"}, C.SOURCE_INVALID_RESPONSE, None),
    "truncated JSON": ({"kind": "truncated"}, C.SOURCE_INVALID_RESPONSE, None),
    "rows that are a number": ({"kind": "wrong_type"}, C.SOURCE_INVALID_RESPONSE, None),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_is_one_error_with_its_code(provider: str, fault: str) -> None:
    subject = Subject(provider, 5)
    ordered, code, status = FAULTS[fault]
    subject.fake.switches.fail(times=100, **ordered)
    with pytest.raises(SourceError) as caught:
        await subject.page(ListQuery(), subject.first(3))
    error = caught.value
    assert (error.code, error.source) == (code, provider)
    if status is not None:
        assert error.status == status
    assert isinstance(error, Retriable) is (code in (C.SOURCE_RATE_LIMITED, C.SOURCE_UNAVAILABLE))
    assert provider in error.message
    for secret in (TOKEN, "fake.invalid", "ordered by the test", "<html", "/api/", "/v2/"):
        assert secret not in error.message


async def test_a_rate_limit_says_when_to_come_back(provider: str) -> None:
    subject = Subject(provider, 5)
    subject.fake.switches.fail("rate_limit", seconds=7.0)
    with pytest.raises(SourceError) as caught:
        await subject.page(ListQuery(), subject.first(3))
    assert caught.value.retry_after == 7.0


async def test_a_row_that_cannot_be_read_is_dropped_and_named_and_the_others_stay(provider: str) -> None:
    subject = Subject(provider, 5)
    subject.fake.switches.fail("wrong_row")
    page = await subject.page(ListQuery(), subject.first(5))
    assert [record is None for record in page.records] == [True, False, False, False, False]
    (bad,) = page.bad
    assert bad.index == 0
    assert bad.reason


async def test_a_bad_row_makes_the_slice_partial_with_a_warning(provider: str) -> None:
    subject = Subject(provider, 5)
    subject.fake.switches.fail("wrong_row", times=100)
    connection = await subject.world.connection(first=10)
    assert len(connection.nodes) == 4
    (part,) = connection.sources
    assert part.status is SourceStatus.PARTIAL
    assert [warning.code for warning in part.warnings] == [C.SOURCE_INVALID_RESPONSE]


async def test_a_failing_source_fails_its_slice_and_says_so_once(provider: str) -> None:
    subject = Subject(provider, 5)
    subject.fake.switches.fail("status", times=100, status=503)
    outcome = await subject.world.page(first=3)
    assert outcome.connection is None
    assert [failure.code for failure in outcome.failures] == [C.SOURCE_UNAVAILABLE]
