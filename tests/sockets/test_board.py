"""A board over sockets: which requests Tether gets for its stages, their contacts and their counts (DESIGN.md 7)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from providers.apis.fakes import Call, TetherFake
from providers.apis.tether.fake.rows import PIPELINES
from providers.spi.record import global_id
from tests.sockets.service import Service, serving

SALES, PARTNERS, APPLICATIONS = PIPELINES
STAGES = SALES["pipelineStages"]
PIPELINE_PATH = "/api/pipelines"
IN_EACH = 30
"""How many contacts every stage has."""
FIRST_PAGES = "{ pipelineStages { nodes { id contacts(first: 4) { pageInfo { endCursor } } } } }"


def contact_row(number: int, stage: dict[str, Any], pipeline: str = SALES["_id"]) -> dict[str, Any]:
    moment = (datetime(2026, 1, 1, tzinfo=UTC) - timedelta(minutes=number)).isoformat()
    place = {"status": stage["name"], "pipelineId": pipeline, "pipelineStage": stage["_id"]}
    name = {"firstName": "Even" if number % 2 == 0 else "Odd", "lastName": str(number)}
    return {"_id": f"{number:024x}", **name, **place, "createdAt": moment, "updatedAt": moment}


def rows_of(stages: list[dict[str, Any]], in_each: int = IN_EACH) -> list[dict[str, Any]]:
    """Contacts of all stages in turn, the newest first, which is the fake's order."""
    return [contact_row(turn * len(stages) + at, stage) for turn in range(in_each) for at, stage in enumerate(stages)]


def in_stage(at: int, start: int = 0, stop: int = IN_EACH, stages: int = len(STAGES)) -> list[str]:
    """Global ids of a stage's contacts from one place to another, in the source's order."""
    return [global_id("Contact", "tether", f"{turn * stages + at:024x}") for turn in range(start, stop)]


def ids(connection: dict[str, Any]) -> list[str]:
    return [node["id"] for node in connection["nodes"]]


def post(**body: Any) -> Call:
    """The request for stage buckets with this body."""
    return Call("POST", "/api/contacts", [], {"pipelineType": "Contact", "ownerFilter": "all", "page": {}, **body})


@pytest.fixture(scope="module")
def tether(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("board"), {"tether": rows_of(STAGES)}) as running:
        yield running


@pytest.fixture(scope="module")
def first_pages(tether: Service) -> list[dict[str, str]]:
    """Every stage's id, and the cursor behind its fourth contact."""
    nodes = tether.data(FIRST_PAGES)["pipelineStages"]["nodes"]
    return [{"id": node["id"], "cursor": node["contacts"]["pageInfo"]["endCursor"]} for node in nodes]


def behind(service: Service, stage: dict[str, str]) -> str:
    """The cursor behind the stage's eighth contact."""
    query = """query ($id: ID!, $after: String) { node(id: $id) { ... on PipelineStage {
        contacts(first: 4, after: $after) { pageInfo { endCursor } } } } }"""
    answer = service.data(query, id=stage["id"], after=stage["cursor"])
    cursor: str = answer["node"]["contacts"]["pageInfo"]["endCursor"]
    return cursor


# ---------------------------------------------------------------- the whole board


def test_a_board_is_one_post_and_its_counts_come_with_it(tether: Service) -> None:
    board = """{ pipelineStages { totalCount nodes {
        name nativeId pipelineId contactCount contacts(first: 10) { totalCount nodes { id } }
    } } }"""
    found = tether.data(board)["pipelineStages"]
    assert tether.calls("tether") == [post(size=10)]
    assert found["totalCount"] == len(STAGES)
    assert [(stage["name"], stage["nativeId"]) for stage in found["nodes"]] == [
        (stage["name"], stage["_id"]) for stage in STAGES
    ]
    for at, stage in enumerate(found["nodes"]):
        assert (stage["contactCount"], stage["contacts"]["totalCount"]) == (IN_EACH, IN_EACH)
        assert ids(stage["contacts"]) == in_stage(at, 0, 10)


def test_forty_stages_are_one_post_as_well(tmp_path_factory: pytest.TempPathFactory) -> None:
    stages = [{"_id": f"{number:024x}", "name": f"Stage {number}", "position": number} for number in range(40)]
    with serving(tmp_path_factory.mktemp("forty"), {"tether": rows_of(stages, 3)}) as service:
        fake = service.fakes["tether"]
        assert isinstance(fake, TetherFake)
        fake.pipelines[0] = {**SALES, "pipelineStages": stages}
        query = "{ pipelineStages(first: 100) { nodes { name contactCount contacts(first: 2) { nodes { id } } } } }"
        nodes = service.data(query)["pipelineStages"]["nodes"]
        assert service.calls("tether") == [post(size=2)]
    assert [(node["name"], node["contactCount"]) for node in nodes] == [(f"Stage {at}", 3) for at in range(40)]
    assert [ids(node["contacts"]) for node in nodes] == [in_stage(at, 0, 2, stages=40) for at in range(40)]


def test_totals_of_stages_alone_are_one_post_of_one_contact_a_stage(tether: Service) -> None:
    nodes = tether.data("{ pipelineStages { nodes { name contacts { totalCount } } } }")["pipelineStages"]["nodes"]
    assert [node["contacts"]["totalCount"] for node in nodes] == [IN_EACH] * len(STAGES)
    assert tether.calls("tether") == [post(size=1)]


def test_counts_alone_are_one_post_of_one_contact_a_stage(tether: Service) -> None:
    nodes = tether.data("{ pipelineStages { nodes { contactCount } } }")["pipelineStages"]["nodes"]
    assert [node["contactCount"] for node in nodes] == [IN_EACH] * len(STAGES)
    assert tether.calls("tether") == [post(size=1)]


def test_colours_and_positions_come_from_the_pipelines_beside_the_post(tether: Service) -> None:
    query = "{ pipelineStages { nodes { color position contacts(first: 1) { nodes { id } } } } }"
    nodes = tether.data(query)["pipelineStages"]["nodes"]
    assert [(node["color"], node["position"]) for node in nodes] == [
        (stage["color"], stage["position"]) for stage in STAGES
    ]
    assert sorted((call.method, call.path) for call in tether.calls("tether")) == [
        ("GET", PIPELINE_PATH),
        ("POST", "/api/contacts"),
    ]


@pytest.mark.parametrize(
    ("arguments", "sent", "expected"),
    [
        ('search: "Odd"', {"search": "Odd"}, {"Odd"}),
        ('filter: { firstName: { eq: "Even" } }', {}, {"Even"}),
        ("filter: { tether: { bulkOnly: true } }", {"bulkOnly": True}, set()),
    ],
)
def test_another_search_or_filter_is_another_post(
    tether: Service, arguments: str, sent: dict[str, Any], expected: set[str]
) -> None:
    query = f"""{{ pipelineStages {{ nodes {{
        all: contacts(first: 3) {{ nodes {{ id }} }}
        some: contacts(first: 3, {arguments}) {{ nodes {{ firstName }} }}
    }} }} }}"""
    nodes = tether.data(query)["pipelineStages"]["nodes"]
    assert [ids(node["all"]) for node in nodes] == [in_stage(at, 0, 3) for at in range(len(STAGES))]
    assert {contact["firstName"] for node in nodes for contact in node["some"]["nodes"]} == expected
    plain, other = tether.calls("tether")
    assert plain == post(size=3)
    assert other == post(size=other.body["size"], **sent)


def test_a_pipeline_is_chosen_by_type_or_id_and_is_one_post(tether: Service) -> None:
    query = """query ($type: PipelineType!, $id: String) { pipelineStages(pipelineType: $type, pipelineId: $id) {
        nodes { name pipelineType pipelineId contacts(first: 1) { totalCount } }
    } }"""
    applications = tether.data(query, type="APPLICATION")["pipelineStages"]["nodes"]
    posts = [call for call in tether.calls("tether") if call.method == "POST"]
    assert [call.body for call in posts] == [post(size=1, pipelineType="Application").body]
    assert [stage["name"] for stage in applications] == ["Received", "Interview", "Hired"]
    assert {stage["pipelineType"] for stage in applications} == {"APPLICATION"}
    partners = tether.data(query, type="CONTACT", id=PARTNERS["_id"])["pipelineStages"]["nodes"]
    posts = [call for call in tether.calls("tether") if call.method == "POST"]
    assert posts == [post(size=1, pipelineId=PARTNERS["_id"])]
    assert [stage["name"] for stage in partners] == ["New Lead", "Signed", "Dormant"]
    assert {(stage["pipelineId"], stage["contacts"]["totalCount"]) for stage in partners} == {(PARTNERS["_id"], 0)}


# ---------------------------------------------------------------- stages by their ids


ALIASES = """query ($a: ID!, $b: ID!, $c: ID!, $second: String!, $third: String!) {
    a: node(id: $a) { ... on PipelineStage { contactCount contacts(first: 4, after: $second) { nodes { id } } } }
    b: node(id: $b) { ... on PipelineStage { contactCount contacts(first: 4) { nodes { id } } } }
    c: node(id: $c) { ... on PipelineStage { contactCount contacts(first: 4, after: $third) { nodes { id } } } }
}"""


def asked_by_aliases(service: Service, stages: list[dict[str, str]]) -> dict[str, Any]:
    """The second page of one stage, the first of another and the third of yet another, in one operation."""
    third = behind(service, stages[2])
    return service.data(
        ALIASES,
        **dict(zip("abc", (stage["id"] for stage in stages[:3]), strict=True)),
        second=stages[0]["cursor"],
        third=third,
    )


def test_stages_at_different_pages_are_aliases_gathered_into_one_post(
    tether: Service, first_pages: list[dict[str, str]]
) -> None:
    found = asked_by_aliases(tether, first_pages)
    # The smallest size with which each window, its anchor in front, is within one page: [3, 8), [0, 4), [7, 12).
    assert tether.calls("tether") == [post(size=12, pipelineId=SALES["_id"])]
    assert [ids(found[alias]["contacts"]) for alias in "abc"] == [
        in_stage(0, 4, 8),
        in_stage(1, 0, 4),
        in_stage(2, 8, 12),
    ]
    assert [found[alias]["contactCount"] for alias in "abc"] == [IN_EACH] * 3


def test_without_a_common_page_size_they_are_two_posts(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("narrow")
    with serving(folder, {"tether": rows_of(STAGES)}, max_page_size=10) as service:
        nodes = service.data(FIRST_PAGES)["pipelineStages"]["nodes"]
        stages = [{"id": node["id"], "cursor": node["contacts"]["pageInfo"]["endCursor"]} for node in nodes]
        found = asked_by_aliases(service, stages)
        assert [(call.method, call.body["size"]) for call in service.calls("tether")] == [("POST", 10)] * 2
    assert [ids(found[alias]["contacts"]) for alias in "abc"] == [
        in_stage(0, 4, 8),
        in_stage(1, 0, 4),
        in_stage(2, 8, 12),
    ]


def test_a_single_stage_is_asked_for_by_its_id_alone(tether: Service, first_pages: list[dict[str, str]]) -> None:
    query = (
        "query ($id: ID!) { node(id: $id) { ... on PipelineStage { contacts(first: 5) { totalCount nodes { id } } } } }"
    )
    found = tether.data(query, id=first_pages[3]["id"])["node"]["contacts"]
    assert tether.calls("tether") == [post(size=5, pipelineId=SALES["_id"], status=STAGES[3]["_id"])]
    assert (ids(found), found["totalCount"]) == (in_stage(3, 0, 5), IN_EACH)


def test_a_single_stage_goes_on_from_a_boards_cursor_alone(tether: Service, first_pages: list[dict[str, str]]) -> None:
    query = """query ($id: ID!, $after: String) { node(id: $id) { ... on PipelineStage {
        contacts(first: 5, after: $after) { nodes { id } } } } }"""
    found = tether.data(query, id=first_pages[3]["id"], after=first_pages[3]["cursor"])["node"]["contacts"]
    (call,) = tether.calls("tether")
    assert (call.method, call.body["status"]) == ("POST", STAGES[3]["_id"])
    assert ids(found) == in_stage(3, 4, 9)


@pytest.mark.parametrize("size", [4, 30])
def test_walking_a_stage_by_its_id_gives_every_contact_once(
    tether: Service, first_pages: list[dict[str, str]], size: int
) -> None:
    query = """query ($id: ID!, $first: Int!, $after: String) { node(id: $id) { ... on PipelineStage {
        contacts(first: $first, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } }
    } } }"""
    found: list[str] = []
    after = None
    while True:
        page = tether.data(query, id=first_pages[5]["id"], first=size, after=after)["node"]["contacts"]
        assert len(tether.calls("tether")) == 1
        found += ids(page)
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert found == in_stage(5)


def test_a_stage_that_is_gone_is_null_and_has_no_contacts(tmp_path_factory: pytest.TempPathFactory) -> None:
    with serving(tmp_path_factory.mktemp("gone"), {"tether": rows_of(STAGES[:7], 2)}) as service:
        nodes = service.data("{ pipelineStages { nodes { id } } }")["pipelineStages"]["nodes"]
        fake = service.fakes["tether"]
        assert isinstance(fake, TetherFake)
        fake.pipelines[0] = {**SALES, "pipelineStages": STAGES[:7]}
        named = "query ($id: ID!) { node(id: $id) { id ... on PipelineStage { name } } }"
        assert service.data(named, id=nodes[7]["id"]) == {"node": None}
        assert service.data(named, id=nodes[6]["id"])["node"]["name"] == STAGES[6]["name"]
        listed = "query ($id: ID!) { node(id: $id) { ... on PipelineStage { contacts { totalCount nodes { id } } } } }"
        # Asked for its contacts alone it is not looked up first (DESIGN.md 7: one POST): nobody is in it.
        assert service.data(listed, id=nodes[7]["id"])["node"]["contacts"] == {"totalCount": 0, "nodes": []}


# ---------------------------------------------------------------- the stage of a contact


def test_the_stages_of_fifty_contacts_cost_nothing(tether: Service, first_pages: list[dict[str, str]]) -> None:
    query = "{ contacts(first: 50) { nodes { stage { id name nativeId pipelineId pipelineType } } } }"
    nodes = tether.data(query)["contacts"]["nodes"]
    assert tether.counts() == {"tether": 1}
    assert [node["stage"] for node in nodes] == [
        {
            "id": first_pages[at % len(STAGES)]["id"],
            "name": STAGES[at % len(STAGES)]["name"],
            "nativeId": STAGES[at % len(STAGES)]["_id"],
            "pipelineId": SALES["_id"],
            "pipelineType": "CONTACT",
        }
        for at in range(50)
    ]


def test_colours_of_fifty_contacts_stages_cost_one_call(tether: Service) -> None:
    nodes = tether.data("{ contacts(first: 50) { nodes { stage { color position } } } }")["contacts"]["nodes"]
    assert [node["stage"] for node in nodes] == [
        {"color": stage["color"], "position": stage["position"]}
        for stage in (STAGES[at % len(STAGES)] for at in range(50))
    ]
    assert [call.path for call in tether.calls("tether")] == ["/api/contacts", PIPELINE_PATH]


def test_counts_of_fifty_contacts_stages_cost_one_post(tether: Service) -> None:
    nodes = tether.data("{ contacts(first: 50) { nodes { stage { contactCount } } } }")["contacts"]["nodes"]
    assert [node["stage"]["contactCount"] for node in nodes] == [IN_EACH] * 50
    assert [call.method for call in tether.calls("tether")] == ["GET", "POST"]
