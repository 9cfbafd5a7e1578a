"""Tether's search through the stages of its pipeline is one list like any other (DESIGN.md 6, 7)."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.apis.fakes import Switches
from providers.apis.tether.fake.rows import PIPELINES
from providers.spi.errors import SourceErrorCode
from providers.spi.provider import Pipeline
from providers.spi.query import Condition, Operator
from resolvers.model.records import PipelineStageConnectionRecord, SourceErrorPolicy
from resolvers.model.selection import Wanted
from resolvers.paging.arguments import PageArguments
from resolvers.stages import pipeline_stages, stage_contacts
from tests.support.made_rows import Row, made_rows
from tests.support.world import World, ids

SEARCH = "ana"
SALES = PIPELINES[0]["_id"]
STAGES = {stage["name"]: stage["_id"] for stage in PIPELINES[0]["pipelineStages"]}


def rows(count: int, seed: int = 0, **rest: int) -> list[Row]:
    """Contacts of the active pipeline, about a sixth of which the search finds."""
    made = made_rows("tether", count, seed, **rest)
    return [{**row, "pipelineId": SALES, "pipelineStage": STAGES[row["status"]]} for row in made]


def world(count: int = 150, switches: Switches | None = None, **configured: int) -> World:
    return World({"tether": rows(count)}, switches={"tether": switches or Switches()}, **configured)


async def found() -> list[str]:
    """What the search finds, stage after stage: read in one page."""
    whole = await world().connection(first=100, search=SEARCH)
    assert not whole.page_info.has_next_page
    return ids(whole.nodes)


async def test_the_search_is_one_list_in_any_sizes_both_ways() -> None:
    one = await found()
    assert len(set(one)) == len(one) > 20
    for sizes in ([1], [7], [25, 2]):
        assert ids(await world().walk(sizes, search=SEARCH)) == one
        assert ids(await world().walk_back(sizes, search=SEARCH)) == one


async def test_every_edge_goes_on_right_behind_itself() -> None:
    one = await found()
    asked = world()
    edges = (await asked.connection(first=100, search=SEARCH)).edges
    for place in range(0, len(one), 3):
        assert (
            ids((await asked.connection(first=4, after=edges[place].cursor, search=SEARCH)).nodes)
            == one[place + 1 : place + 5]
        )
        assert (
            ids((await asked.connection(last=4, before=edges[place].cursor, search=SEARCH)).nodes)
            == one[max(0, place - 4) : place]
        )


async def test_both_cursors_cut_out_what_is_between_them() -> None:
    one = await found()
    asked = world()
    edges = (await asked.connection(first=100, search=SEARCH)).edges
    for low, high in ((0, 5), (3, len(one) - 1), (8, 9), (4, 20)):
        between = {"after": edges[low].cursor, "before": edges[high].cursor, "search": SEARCH}
        assert ids((await asked.connection(first=100, **between)).nodes) == one[low + 1 : high]


async def test_a_cursor_behind_the_other_leaves_nothing_between_them() -> None:
    one = await found()
    asked = world()
    edges = (await asked.connection(first=100, search=SEARCH)).edges
    for low, high in ((len(one) - 1, 0), (20, 3), (9, 8), (len(one) - 2, len(one) - 1)):
        between = {"after": edges[low].cursor, "before": edges[high].cursor, "search": SEARCH}
        assert ids((await asked.connection(first=100, **between)).nodes) == []
        assert ids((await asked.connection(last=100, **between)).nodes) == []


@pytest.mark.parametrize("names", [["New Lead"], ["New Lead", "Won"], ["Qualified"]])
async def test_stages_where_nothing_is_found_make_no_page_of_their_own(names: list[str]) -> None:
    made = [row for row in rows(150) if row["status"] in names]
    one = ids((await World({"tether": made}).connection(first=100, search=SEARCH)).nodes)
    assert one
    for size in range(1, len(one) + 1):
        asked = World({"tether": made})
        seen: list[str] = []
        after: str | None = None
        for _ in range(-(-len(one) // size)):
            page = await asked.connection(first=size, after=after, search=SEARCH)
            assert page.nodes
            seen += ids(page.nodes)
            after = page.page_info.end_cursor
        assert seen == one
        assert not page.page_info.has_next_page


async def test_what_is_not_searched_is_not_counted() -> None:
    asked = world()
    whole = await asked.connection(first=100, search=SEARCH)
    assert (whole.total_count, whole.sources[0].total_count) == (None, None)
    asked.forget_calls()
    counted = await asked.connection(Wanted(contacts=False, cursors=False, page_info=False), first=0, search=SEARCH)
    assert counted.total_count is None
    assert asked.calls("tether") == 0


@pytest.mark.parametrize("buckets_keyed_by", ["name", "id"])
@pytest.mark.parametrize("oversize", ["lower", "error"])
async def test_pages_smaller_than_asked_for_lose_nothing(oversize: str, buckets_keyed_by: str) -> None:
    one = await found()
    for most in (12, 19):
        switches = Switches(max_page_size=most, oversize=oversize, buckets_keyed_by=buckets_keyed_by)  # type: ignore[arg-type]
        assert ids(await world(switches=switches).walk([100], search=SEARCH)) == one
        assert ids(await world(switches=switches).walk([30, 4], search=SEARCH)) == one
        assert ids(await world(switches=switches).walk_back([30], search=SEARCH)) == one


@pytest.mark.parametrize("oversize", ["lower", "error"])
async def test_a_stages_contacts_come_whole_from_pages_smaller_than_asked_for(oversize: str) -> None:
    switches = Switches(max_page_size=12, oversize=oversize)  # type: ignore[arg-type]
    asked = world(switches=switches)
    operation = asked.operation()
    outcome = await pipeline_stages(
        operation, PageArguments(first=3), None, Pipeline(), SourceErrorPolicy.PARTIAL, Wanted()
    )
    assert isinstance(outcome.connection, PipelineStageConnectionRecord)
    for stage in outcome.connection.nodes:
        page = await stage_contacts(
            operation, stage, PageArguments(first=40), None, None, SourceErrorPolicy.PARTIAL, Wanted()
        )
        assert page.failures == []
        assert page.connection is not None
        there = [row["_id"] for row in asked.fakes["tether"].store.rows if row["status"] == stage.name]
        assert len(there) > 40
        assert len({contact.native_id for contact in page.connection.nodes} & set(there)) == 40


async def test_a_page_is_one_post_wherever_it_begins() -> None:
    one = await found()
    asked = world()
    cursor: str | None = None
    for start in range(0, len(one), 6):
        asked.forget_calls()
        page = await asked.connection(first=6, after=cursor, search=SEARCH)
        assert ids(page.nodes) == one[start : start + 6]
        assert asked.calls("tether") == 1
        cursor = page.page_info.end_cursor


async def test_a_filter_that_is_applied_here_reads_up_to_one_scan_limit_over_all_stages() -> None:
    last = (await found())[-1].partition(":")[2]
    limited = world(scan_limit=10)
    (row,) = [row for row in limited.fakes["tether"].store.rows if row["_id"] == last]
    row |= {"firstName": "Ana", "lastName": "Needle"}
    needle = Condition("lastName", Operator.EQ, "needle")
    got: list[str] = []
    cursor: str | None = None
    pages = 0
    while True:
        page = await limited.connection(first=1, after=cursor, search=SEARCH, filter=needle)
        got += [record.native_id for record in page.nodes]
        pages += 1
        if not page.page_info.has_next_page:
            break
        cursor = page.page_info.end_cursor
    assert got == [last]
    assert pages > 2


@pytest.mark.parametrize("forward", [True, False])
@given(seed=st.integers(0, 2**32))
@settings(max_examples=25, deadline=None, derandomize=True)
async def test_what_stays_in_its_stage_throughout_is_met_once_and_in_order(forward: bool, seed: int) -> None:
    rng = random.Random(seed)
    asked = World({"tether": rows(rng.choice([30, 150, 300]), seed)})
    store = asked.fakes["tether"].store
    spare = rows(200, seed + 1, start=1_000)
    before = ids(await asked.walk([100], search=SEARCH))
    deleted: set[str] = set()
    seen: list[str] = []
    cursor: str | None = None
    size = rng.choice([1, 3, 10])
    while True:
        cut = {"first": size, "after": cursor} if forward else {"last": size, "before": cursor}
        page = await asked.connection(**cut, search=SEARCH)
        codes = {warning.code for warning in page.sources[0].warnings}
        assert codes == {SourceErrorCode.SEARCH_INCOMPLETE}
        info = page.page_info
        seen = seen + ids(page.nodes) if forward else ids(page.nodes) + seen
        if not (info.has_next_page if forward else info.has_previous_page):
            break
        cursor = info.end_cursor if forward else info.start_cursor
        nearest = [name.partition(":")[2] for name in (seen[-8:] if forward else seen[7::-1])]
        for _ in range(rng.randint(0, 4)):
            if spare and rng.random() < 0.5:
                store.insert(spare.pop(), first=rng.random() < 0.5)
                continue
            others = [native_id for native_id in store.ids if native_id not in nearest]
            chosen = rng.choice(nearest[:-3] or others if rng.random() < 0.4 else others)
            if store.get(chosen) is not None:
                store.delete(chosen)
                deleted.add(f"tether:{chosen}")
    stayed = [name for name in before if name not in deleted]
    assert [name for name in stayed if seen.count(name) != 1] == []
    assert [name for name in seen if name in set(stayed)] == stayed
