"""docs/operations.md has what the code has: its metrics, its fixed limits and its codes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gql.errors import ErrorCode
from gql.execution import document_cache as documents
from gql.http import authentication
from gql.http import request_parsing as graphql_request
from gql.schema.inputs import conditions as filters
from gql.schema.inputs.conditions import MAX_CRM_ASSOCIATIONS, MAX_DEPTH
from gql.telemetry import Telemetry
from providers.apis.wacr.filters import MAX_LIST
from providers.http.connection import MAX_HEAD_BYTES, MAX_HEADERS, MAX_INTERIM, MAX_SMALL_CHUNKS
from providers.http.content_coding import MAX_MEMBERS
from providers.resilience import upstream
from providers.resilience.circuit_breaker import CircuitBreaker
from providers.resilience.health import SourceHealth
from resolvers.cursors import codec as cursors
from resolvers.matching import candidates
from resolvers.model import global_ids as ids
from resolvers.nodes import MAX_IDS
from resolvers.paging.arguments import MAX_SIZE
from resolvers.planning.search_text import MAX_SEARCH

PAGE = (Path(__file__).resolve().parents[2] / "docs/operations.md").read_text("utf-8")

# What a row of "Fixed limits" begins with, and the number that the code holds.
LIMITS = {
    "`first`, `last`": MAX_SIZE,
    "ids in `nodes": MAX_IDS,
    "characters of a global id": ids.MAX_LENGTH,
    "characters of a cursor": cursors.MAX_LENGTH,
    "filters inside each other": MAX_DEPTH,
    "objects in `askElephant.crmAssociations`": MAX_CRM_ASSOCIATIONS,
    "digits of a WA.cr id": max(digits for digits in range(1, 40) if filters._WHOLE_NUMBER.fullmatch("9" * digits)),
    "parameters in the query string": graphql_request._MOST_PARAMETERS,
    "characters of a caller's API key": authentication._LONGEST_CREDENTIAL,
    "mistakes told about one document": documents._MOST_ERRORS,
    "candidates of one search": candidates.MOST,
    "ids in a list that WA.cr": MAX_LIST,
    "bytes of the headers": MAX_HEAD_BYTES,
    "headers of a source's answer": MAX_HEADERS,
    "redirects of a source": upstream._MAX_REDIRECTS,
    "characters of a `search`": MAX_SEARCH,
    "interim answers (1xx)": MAX_INTERIM,
    "pieces of a source's answer": MAX_SMALL_CHUNKS,
    "gzip members": MAX_MEMBERS,
    "bytes of the path and query": upstream.MAX_TARGET_BYTES,
}


def fixed_limits() -> list[list[str]]:
    """Returns the cells of the rows of "Fixed limits"."""
    section = PAGE.partition("\n## Fixed limits\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.*) \|$", section, re.MULTILINE)[2:]
    return [row.split(" | ") for row in rows]


def test_every_metric_stands_there_with_its_kind_its_labels_and_their_values() -> None:
    telemetry = Telemetry()
    for outcome in ("ok", "partial", "refused", "failed"):
        telemetry.request(outcome, 0.01)
    telemetry.count_documents(1, 1)
    telemetry.count_cache(1, 1)
    telemetry.count_calls({"sales": SourceHealth(CircuitBreaker(10, 5.0))})

    rows = {
        name: (labels.split(","), kind, values)
        for name, labels, kind, values in re.findall(
            r"^\| `(contactgraph_\w+)\{(.*?)\}` \| (\w+) \| (.*?) ?\| ", PAGE, re.MULTILINE
        )
    }
    exported: set[str] = set()
    for family in text_string_to_metric_families(telemetry.exposition().decode()):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        exported.add(name)
        labels, kind, values = rows[name]
        assert kind == family.type
        assert set(labels) == {label for sample in family.samples for label in sample.labels} - {"le"}
        shown = {
            value
            for sample in family.samples
            for label, value in sample.labels.items()
            if label in ("outcome", "status", "result")
        }
        assert shown <= set(re.findall(r"`(\w+)`", values)), name
    assert exported == rows.keys()


@pytest.mark.parametrize(("what", "limit"), LIMITS.items())
def test_every_fixed_limit_stands_there_with_its_number(what: str, limit: int) -> None:
    (row,) = [row for row in fixed_limits() if row[0].startswith(what)]
    assert row[1] == f"{limit:,}"


def test_no_other_limit_stands_there() -> None:
    assert len(fixed_limits()) == len(LIMITS)


def test_every_code_outside_sources_stands_there() -> None:
    codes = PAGE.partition("\n## Error codes\n")[2]
    assert set(re.findall(r"`([A-Z_]+)`", codes)) == set(ErrorCode)
