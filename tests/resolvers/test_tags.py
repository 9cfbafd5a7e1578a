"""Tags and groups: the list, a tag's contacts, and what the list adds to a contact's tags (DESIGN.md 7)."""

from __future__ import annotations

import pytest

from providers.apis.autokonnect.fake.server import AutokonnectFake
from providers.apis.fakes import FakeApp, Switches
from providers.apis.wacr.fake.server import WacrFake
from providers.fake_kit.store import Store
from providers.spi.errors import SourceErrorCode, SourceUnavailable
from providers.spi.record import TagRecord, global_id
from resolvers import tags
from resolvers.contacts import ContactsQuestion, contacts
from resolvers.model.errors import BadUserInput
from resolvers.model.records import (
    ContactConnectionRecord,
    Outcome,
    SourceErrorPolicy,
    SourceStatus,
    TagConnectionRecord,
)
from resolvers.model.selection import Wanted
from resolvers.paging.arguments import PageArguments
from tests.support.world import World

ALL = PageArguments(first=100)
EVERYTHING = Wanted()
ROWS = {"tether": 5, "askelephant": 5, "wacr": 60, "autokonnect": 80}


async def listed(
    world: World,
    page: PageArguments = ALL,
    *,
    sources: tuple[str, ...] | None = None,
    search: str | None = None,
    policy: SourceErrorPolicy = SourceErrorPolicy.PARTIAL,
    wanted: Wanted = EVERYTHING,
) -> Outcome:
    return await tags.tags(world.operation(), page, sources, search, policy, wanted)


async def connection(world: World, page: PageArguments = ALL, **rest: object) -> TagConnectionRecord:
    outcome = await listed(world, page, **rest)  # type: ignore[arg-type]
    assert outcome.failures == []
    assert isinstance(outcome.connection, TagConnectionRecord)
    return outcome.connection


def names(found: TagConnectionRecord) -> list[str]:
    return [f"{tag.source.name}:{tag.native_id}" for tag in found.nodes]


def tagged(app: FakeApp, native_id: str) -> list[str]:
    """The contacts that the fake itself says carry the tag."""
    if isinstance(app, WacrFake):
        return [str(row["id"]) for row in app.store.rows if int(native_id) in row["group_id"]]
    return [row["id"] for row in app.store.rows if native_id in [tag["id"] for tag in row["tags"]]]


async def tag_of(world: World, source: str, native_id: str) -> TagRecord:
    found = await connection(world, sources=(source,))
    return next(tag for tag in found.nodes if tag.native_id == native_id)


async def its_contacts(
    world: World, tag: TagRecord, page: PageArguments = ALL, wanted: Wanted = EVERYTHING
) -> ContactConnectionRecord:
    outcome = await tags.tag_contacts(world.operation(), tag, page, SourceErrorPolicy.PARTIAL, wanted)
    assert outcome.failures == []
    assert isinstance(outcome.connection, ContactConnectionRecord)
    return outcome.connection


async def test_tags_of_all_sources_take_turns_and_sources_without_tags_are_skipped() -> None:
    world = World(ROWS)
    found = await connection(world)
    assert names(found)[:4] == ["wacr:1", "autokonnect:102", "wacr:2", "autokonnect:101"]
    assert found.total_count == 24 == len(found.nodes)
    assert [(part.source.name, part.status, part.total_count) for part in found.sources] == [
        ("tether", SourceStatus.SKIPPED, 0),
        ("askelephant", SourceStatus.SKIPPED, 0),
        ("wacr", SourceStatus.OK, 12),
        ("autokonnect", SourceStatus.OK, 12),
    ]
    assert [world.calls(name) for name in ROWS] == [0, 0, 1, 1]


async def test_a_tag_says_what_its_source_says_of_it() -> None:
    world = World({"autokonnect": 80})
    vip = await tag_of(world, "autokonnect", "42")
    assert (vip.name, vip.color) == ("VIP", "#1156d6")
    assert vip.created_at is not None
    assert vip.created_at.isoformat() == "2024-02-13T09:00:00+00:00"
    assert vip.contact_count == len(tagged(world.fakes["autokonnect"], "42"))
    assert vip.id == global_id("Tag", "autokonnect", "42")


@pytest.mark.parametrize("size", [1, 5, 7, 100])
async def test_walking_tags_both_ways_gives_each_once_in_one_order(size: int) -> None:
    world = World(ROWS)
    one = names(await connection(world))
    ahead: list[str] = []
    after: str | None = None
    while True:
        page = await connection(world, PageArguments(first=size, after=after))
        ahead += names(page)
        if not page.page_info.has_next_page:
            break
        after = page.page_info.end_cursor
    assert ahead == one
    back: list[str] = []
    before: str | None = None
    while True:
        page = await connection(world, PageArguments(last=size, before=before))
        back = names(page) + back
        if not page.page_info.has_previous_page:
            break
        before = page.page_info.start_cursor
    assert back == one


async def test_a_search_goes_to_every_source() -> None:
    world = World(ROWS)
    found = await connection(world, search="vip")
    assert sorted(names(found)) == ["autokonnect:42", "autokonnect:61", "wacr:1", "wacr:9"]
    assert ("search", "vip") in world.fakes["wacr"].calls[0].parameters


async def test_a_cursor_of_another_search_is_refused() -> None:
    world = World(ROWS)
    page = await connection(world, PageArguments(first=1))
    with pytest.raises(BadUserInput, match="another query"):
        await listed(world, PageArguments(first=1, after=page.page_info.end_cursor), search="vip")


async def test_an_unknown_source_is_refused_by_name() -> None:
    with pytest.raises(BadUserInput, match='no source is named "nowhere"'):
        await listed(World({"wacr": 1}), sources=("nowhere",))


async def test_a_failing_source_leaves_the_other_ones_tags() -> None:
    world = World(ROWS)
    world.fakes["wacr"].switches.fail("status", times=9, status=500)
    outcome = await listed(world)
    assert [error.code for error in outcome.failures] == [SourceErrorCode.SOURCE_UNAVAILABLE]
    assert {tag.source.name for tag in outcome.connection.nodes} == {"autokonnect"}
    by_name = {part.source.name: part for part in outcome.connection.sources}
    assert by_name["wacr"].status is SourceStatus.FAILED
    assert outcome.connection.total_count is None


async def test_with_the_policy_fail_a_failing_source_fails_the_field() -> None:
    world = World(ROWS)
    world.fakes["wacr"].switches.fail("status", times=9, status=500)
    outcome = await listed(world, policy=SourceErrorPolicy.FAIL)
    assert outcome.connection is None
    assert [error.source for error in outcome.failures] == ["wacr"]


async def test_a_total_alone_costs_one_record_a_source() -> None:
    world = World(ROWS)
    found = await connection(world, wanted=Wanted(contacts=False, cursors=False, page_info=False, slices=False))
    assert found.total_count == 24
    # WA.cr's groups have no order without ties, so they are read whole.
    assert ("per_page", "100") in world.fakes["wacr"].calls[0].parameters
    assert ("limit", "1") in world.fakes["autokonnect"].calls[0].parameters
    assert [world.calls("wacr"), world.calls("autokonnect")] == [1, 1]


@pytest.mark.parametrize("native_id", ["1", "2", "12"])
async def test_the_contacts_of_a_group_are_asked_for_by_its_id(native_id: str) -> None:
    world = World({"wacr": 60})
    group = await tag_of(world, "wacr", native_id)
    world.forget_calls()
    found = await its_contacts(world, group)
    assert sorted(contact.native_id for contact in found.nodes) == sorted(tagged(world.fakes["wacr"], native_id))
    (call,) = world.fakes["wacr"].calls
    assert ("filter[group_id]", native_id) in call.parameters
    assert not [name for name, _ in call.parameters if name == "include"]


@pytest.mark.parametrize("native_id", ["42", "61", "57", "88", "90", "64"])
async def test_the_contacts_of_a_tag_carry_that_very_tag(native_id: str) -> None:
    # "VIP" and "vip", two "Repeat", and "Lead", which is a part of "Leads 2025": the search finds them together.
    world = World({"autokonnect": 80})
    tag = await tag_of(world, "autokonnect", native_id)
    world.forget_calls()
    found = await its_contacts(world, tag)
    assert sorted(contact.native_id for contact in found.nodes) == sorted(tagged(world.fakes["autokonnect"], native_id))
    assert len(found.nodes) > 1
    assert {("search", tag.name)} <= set(world.fakes["autokonnect"].calls[0].parameters)


async def test_a_tag_known_by_its_id_alone_is_named_by_the_list_first() -> None:
    world = World({"autokonnect": 80})
    source = world.sources["autokonnect"].record
    bare = TagRecord(global_id("Tag", "autokonnect", "42"), source, "42", "42")
    found = await its_contacts(world, bare)
    assert sorted(contact.native_id for contact in found.nodes) == sorted(tagged(world.fakes["autokonnect"], "42"))


@pytest.mark.parametrize("name", [None, "", " "])
async def test_a_tag_without_a_name_keeps_all_its_contacts(name: str | None) -> None:
    world = World({"autokonnect": 80})
    fake = world.fakes["autokonnect"]
    assert isinstance(fake, AutokonnectFake)
    row = fake.tags.get("42")
    assert row is not None
    fake.tags.delete("42")
    fake.tags.insert({**row, "name": name})
    tag = await tag_of(world, "autokonnect", "42")
    world.forget_calls()
    found = await its_contacts(world, tag)
    assert sorted(contact.native_id for contact in found.nodes) == sorted(tagged(fake, "42"))
    assert len(found.nodes) > 1
    assert "search" not in {name for call in fake.calls for name, _ in call.parameters}


async def test_a_list_that_cannot_name_the_tag_is_told_as_the_sources_failure() -> None:
    world = World({"autokonnect": 80})
    world.fakes["autokonnect"].switches.fail("status", times=9, status=500, path="/api/v1/contacts/tags")
    bare = TagRecord(global_id("Tag", "autokonnect", "42"), world.sources["autokonnect"].record, "42", "42")
    outcome = await tags.tag_contacts(world.operation(), bare, PageArguments(), SourceErrorPolicy.PARTIAL, Wanted())
    assert outcome.connection is None
    assert isinstance(outcome.failures[0], SourceUnavailable)


async def test_paging_through_a_tags_contacts_gives_each_once() -> None:
    world = World({"autokonnect": 80})
    tag = await tag_of(world, "autokonnect", "57")
    found: list[str] = []
    after: str | None = None
    while True:
        page = await its_contacts(world, tag, PageArguments(first=3, after=after))
        found += [contact.native_id for contact in page.nodes]
        if not page.page_info.has_next_page:
            break
        after = page.page_info.end_cursor
    assert len(found) == len(set(found))
    assert sorted(found) == sorted(tagged(world.fakes["autokonnect"], "57"))


async def test_the_list_of_tags_adds_counts_to_the_tags_of_fifty_contacts_in_one_call() -> None:
    world = World({"autokonnect": 80})
    operation = world.operation()
    outcome = await contacts(operation, ContactsQuestion(PageArguments(first=50)), Wanted(parts=frozenset({"tags"})))
    world.forget_calls()
    inline = [tag for contact in outcome.connection.nodes for tag in contact.tags]
    assert len(inline) > 20
    for tag in inline:
        assert tag.contact_count is None
        full = await tags.tag_detail(operation, tag)
        assert full.contact_count == len(tagged(world.fakes["autokonnect"], tag.native_id))
        assert full.id == tag.id
    assert world.calls("autokonnect") == 1


async def test_a_tag_that_a_page_of_the_list_has_shown_is_not_asked_for_again() -> None:
    world = World({"wacr": 5})
    operation = world.operation()
    outcome = await tags.tags(operation, ALL, None, None, SourceErrorPolicy.PARTIAL, EVERYTHING)
    for group in outcome.connection.nodes:
        assert (await tags.tag_detail(operation, group)).contact_count is None
    assert world.calls("wacr") == 1


async def test_a_tag_that_is_gone_from_the_list_stays_what_the_contact_says() -> None:
    world = World({"autokonnect": 80})
    fake = world.fakes["autokonnect"]
    assert isinstance(fake, AutokonnectFake)
    fake.tags.delete("42")
    bare = TagRecord(global_id("Tag", "autokonnect", "42"), world.sources["autokonnect"].record, "42", "VIP", "#1156d6")
    assert await tags.tag_detail(world.operation(), bare) is bare


async def test_a_tag_list_of_smaller_pages_is_read_to_its_end() -> None:
    world = World({"autokonnect": 10}, switches={"autokonnect": Switches(max_page_size=5)})
    listed = await tags.all_tags(world.operation(), world.sources["autokonnect"])
    assert listed.complete
    assert len(listed.tags) == 12


async def test_a_tag_list_longer_than_the_scan_limit_says_so() -> None:
    world = World({"autokonnect": 10}, scan_limit=5)
    listed = await tags.all_tags(world.operation(), world.sources["autokonnect"])
    assert not listed.complete
    assert len(listed.tags) == 5


@pytest.mark.parametrize("back", [False, True])
async def test_groups_of_one_instant_come_once_each_in_pages_of_any_size(back: bool) -> None:
    moment = "2024-02-01T09:00:00.000000Z"
    groups = [
        {"id": number, "name": f"g{number % 7}", "color": None, "created_at": moment, "updated_at": moment}
        for number in range(1, 31)
    ]
    world = World({"wacr": 5}, switches={"wacr": Switches(unstable_ties=True)})
    fake = world.fakes["wacr"]
    assert isinstance(fake, WacrFake)
    fake.groups = Store(groups)
    found: list[str] = []
    place: str | None = None
    for _ in range(20):
        page = PageArguments(last=7, before=place) if back else PageArguments(first=7, after=place)
        got = await connection(world, page, sources=("wacr",))
        found = names(got) + found if back else found + names(got)
        place = got.page_info.start_cursor if back else got.page_info.end_cursor
        if not (got.page_info.has_previous_page if back else got.page_info.has_next_page):
            break
    assert found == [f"wacr:{number}" for number in range(1, 31)]
    assert {dict(call.parameters)["sort"] for call in fake.calls if call.path == "/v2/groups"} == {"created_at"}
