"""Cursors that clients hold are taken by later versions: those written down here were made by version 0.1.0 at 70b4b57.

`cursors_of_before.json` has, for each question, some edges' cursors and the ids of the page that follows (or precedes)
each. `python -m tests.resolvers.cursors.test_cursors_of_before FILE` wrote it; it is written once and never again for
the same version.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from providers.apis.fakes import demo_people
from tests.sockets.service import Service, serving

SIZES = {"tether": 130, "askelephant": 60, "wacr": 60, "autokonnect": 120}
FILE = Path(__file__).with_name("cursors_of_before.json")
PAGE = 12

_CONTACTS = "edges { cursor node { id } } pageInfo { startCursor endCursor hasNextPage hasPreviousPage }"
_ARGUMENTS = "first: $first, after: $after, last: $last, before: $before"
_HEAD = "query($first: Int, $after: String, $last: Int, $before: String)"

# By name: the document, with the connection as `list`, perhaps inside one object.
QUESTIONS: dict[str, str] = {
    "plain": f"{_HEAD} {{ list: contacts({_ARGUMENTS}) {{ {_CONTACTS} }} }}",
    "filter that sources take": (
        f'{_HEAD} {{ list: contacts({_ARGUMENTS}, filter: {{updatedAt: {{gte: "2025-01-01T00:00:00Z"}}}}) '
        f"{{ {_CONTACTS} }} }}"
    ),
    "filter that is judged here": (
        f'{_HEAD} {{ list: contacts({_ARGUMENTS}, filter: {{email: {{contains: "example"}}, '
        f'not: {{firstName: {{startsWith: "j"}}}}}}) {{ {_CONTACTS} }} }}'
    ),
    "search": f'{_HEAD} {{ list: contacts({_ARGUMENTS}, search: "ar") {{ {_CONTACTS} }} }}',
    "order by a date": (
        f"{_HEAD} {{ list: contacts({_ARGUMENTS}, orderBy: [{{field: UPDATED_AT, direction: DESC}}]) "
        f"{{ {_CONTACTS} }} }}"
    ),
    "order by a text": (
        f"{_HEAD} {{ list: contacts({_ARGUMENTS}, orderBy: [{{field: LAST_NAME}}, {{field: FIRST_NAME}}]) "
        f"{{ {_CONTACTS} }} }}"
    ),
    "order by a date, then a text": (
        f"{_HEAD} {{ list: contacts({_ARGUMENTS}, orderBy: [{{field: CREATED_AT}}, {{field: LAST_NAME}}]) "
        f"{{ {_CONTACTS} }} }}"
    ),
    "filter, order and search": (
        f'{_HEAD} {{ list: contacts({_ARGUMENTS}, search: "a", filter: {{createdAt: {{gte: "2024-01-01T00:00:00Z"}}}}, '
        f"orderBy: [{{field: CREATED_AT, direction: DESC}}]) {{ {_CONTACTS} }} }}"
    ),
    **{
        f"{name} alone": f'{_HEAD} {{ source(name: "{name}") {{ list: contacts({_ARGUMENTS}) {{ {_CONTACTS} }} }} }}'
        for name in SIZES
    },
    "tags": f'{_HEAD} {{ list: tags({_ARGUMENTS}, sources: ["autokonnect"]) {{ {_CONTACTS} }} }}',
    "a tag": (
        f"{_HEAD.replace(')', ', $id: ID!)')} {{ node(id: $id) {{ ... on Tag "
        f"{{ list: contacts({_ARGUMENTS}) {{ {_CONTACTS} }} }} }} }}"
    ),
    "a group": (
        f"{_HEAD.replace(')', ', $id: ID!)')} {{ node(id: $id) {{ ... on Tag "
        f"{{ list: contacts({_ARGUMENTS}) {{ {_CONTACTS} }} }} }} }}"
    ),
    "stages": f"{_HEAD} {{ list: pipelineStages({_ARGUMENTS}) {{ {_CONTACTS} }} }}",
    "a stage": (
        f"{_HEAD.replace(')', ', $id: ID!)')} {{ node(id: $id) {{ ... on PipelineStage "
        f"{{ list: contacts({_ARGUMENTS}) {{ {_CONTACTS} }} }} }} }}"
    ),
}
SMALL = {"tags": 3, "a tag": 4, "a group": 4, "stages": 2, "a stage": 5}


def connection(data: dict[str, Any]) -> dict[str, Any]:
    """The connection named `list`, wherever it stands in an answer."""
    found = data.get("list") or next(iter(data.values()))["list"]
    assert isinstance(found, dict)
    return found


def ids(page: dict[str, Any]) -> list[str]:
    return [edge["node"]["id"] for edge in page["edges"]]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("before"), dict.fromkeys(SIZES, demo_people(**SIZES))) as running:
        yield running


WRITTEN: dict[str, Any] = json.loads(FILE.read_text("utf-8")) if FILE.exists() else {}


def test_every_question_was_written_down() -> None:
    assert WRITTEN.keys() == QUESTIONS.keys()
    assert all(each["following"] and each["preceding"] for each in WRITTEN.values())


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_cursor_of_before_leads_to_the_same_page(service: Service, name: str) -> None:
    written = WRITTEN[name]
    size = SMALL.get(name, PAGE)
    for place in written["following"]:
        data = service.data(QUESTIONS[name], **written["variables"], first=size, after=place["cursor"])
        assert ids(connection(data)) == place["ids"]
    for place in written["preceding"]:
        data = service.data(QUESTIONS[name], **written["variables"], last=size, before=place["cursor"])
        assert ids(connection(data)) == place["ids"]


def written_down(service: Service) -> dict[str, Any]:
    """What is in the file, made anew."""
    tags = service.data('{ tags(first: 50, sources: ["autokonnect"]) { nodes { id contactCount } } }')["tags"]["nodes"]
    groups = service.data('{ tags(first: 50, sources: ["wacr"]) { nodes { id } } }')["tags"]["nodes"]
    stages = service.data("{ pipelineStages(first: 9) { nodes { id contactCount } } }")["pipelineStages"]["nodes"]
    objects = {
        "a tag": max(tags, key=lambda tag: tag["contactCount"] or 0)["id"],
        "a group": groups[0]["id"],
        "a stage": max(stages, key=lambda stage: stage["contactCount"] or 0)["id"],
    }
    result: dict[str, Any] = {}
    for name, document in QUESTIONS.items():
        variables = {"id": objects[name]} if name in objects else {}
        size = SMALL.get(name, PAGE)
        first = connection(service.data(document, **variables, first=size))
        end = first["pageInfo"]["endCursor"]
        second = connection(service.data(document, **variables, first=size, after=end))
        following, preceding = [], []
        for edge in [first["edges"][0], first["edges"][size // 2], first["edges"][-1]]:
            page = connection(service.data(document, **variables, first=size, after=edge["cursor"]))
            following.append({"cursor": edge["cursor"], "ids": ids(page)})
        last = connection(service.data(document, **variables, last=size))
        for edge in [second["edges"][-1] if second["edges"] else last["edges"][0], last["edges"][0]]:
            page = connection(service.data(document, **variables, last=size, before=edge["cursor"]))
            preceding.append({"cursor": edge["cursor"], "ids": ids(page)})
        result[name] = {"variables": variables, "following": following, "preceding": preceding}
    return result


if __name__ == "__main__":
    with TemporaryDirectory() as folder, serving(Path(folder), dict.fromkeys(SIZES, demo_people(**SIZES))) as running:
        Path(sys.argv[1]).write_text(json.dumps(written_down(running), indent=1) + "\n", "utf-8")
