"""Decoding a page of 100 contacts into records: typed, validated, dates included."""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.answered import NAMES, ROWS, answer, source
from providers.spi.page import Page
from providers.spi.record import TagRecord

WITH_TAGS = ("wacr", "autokonnect")


@pytest.mark.parametrize("name", NAMES)
def test_decode_100_contacts(benchmark: BenchmarkFixture, name: str) -> None:
    asked = source(name)
    page: Page = benchmark(asked.provider.contacts_page, answer(asked), asked.record)
    assert page.bad == ()
    assert len({record.id for record in page.records if record is not None}) == ROWS


@pytest.mark.parametrize("name", WITH_TAGS)
def test_decode_100_contacts_and_their_tags(benchmark: BenchmarkFixture, name: str) -> None:
    asked = source(name)
    response = answer(asked, frozenset({"tags"}))

    def decode() -> list[list[TagRecord]]:
        page = asked.provider.contacts_page(response, asked.record)
        return [record.tags for record in page.records if record is not None]

    tags = benchmark(decode)
    assert len(tags) == ROWS
    assert any(tags)
    assert {tag.source.name for each in tags for tag in each} == {name}
