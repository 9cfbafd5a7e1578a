"""Objects by global id: found, unknown, gone, foreign, and what a look-up costs (DESIGN.md 9)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from providers.apis.autokonnect.fake.server import AutokonnectFake
from providers.apis.fakes import Switches
from providers.apis.tether.fake.rows import USERS
from providers.apis.tether.fake.server import TetherFake
from providers.http.credential import Credential
from providers.spi.errors import ScanLimitExceeded, SourceError, SourceErrorCode, SourceInvalidResponse
from providers.spi.provider import Pipeline
from providers.spi.record import ContactRecord, SourceRecord, StageRecord, TagRecord, UserRecord, global_id
from resolvers import nodes as lookup
from resolvers import stages
from resolvers.contacts import ContactsQuestion, contacts
from resolvers.model.errors import BadUserInput
from resolvers.model.records import SourceErrorPolicy
from resolvers.model.selection import Wanted
from resolvers.paging.arguments import PageArguments
from resolvers.request.operation import Operation
from tests.support.world import World

ROWS = {"tether": 130, "askelephant": 30, "wacr": 30, "autokonnect": 130}
SCANNED = ["tether", "autokonnect"]
ASKED = ["askelephant", "wacr"]
UNKNOWN = {"tether": "f" * 24, "askelephant": "cnt_nobody", "wacr": "999999", "autokonnect": "1"}
NO_PARTS: frozenset[str] = frozenset()


def nothing(type_name: str) -> frozenset[str]:
    return NO_PARTS


def an_id(world: World, name: str, at: int = 0) -> str:
    """The id of the contact at this place of the source's own list."""
    return global_id("Contact", name, world.fakes[name].store.ids[at])


async def found(operation: Operation, id: str) -> Any:
    return await lookup.node(operation, id, nothing)


async def in_order(world: World, name: str) -> list[str]:
    """Native ids as the source lists them."""
    listed = await world.walk([100], sources=(name,))
    world.forget_calls()
    return [contact.native_id for contact in listed]


# ---------------------------------------------------------------- contacts


@pytest.mark.parametrize("name", ROWS)
async def test_a_contact_is_found_by_its_id(name: str) -> None:
    world = World(ROWS)
    id = an_id(world, name, 17)
    contact = await found(world.operation(), id)
    assert isinstance(contact, ContactRecord)
    assert (contact.id, contact.native_id) == (id, world.fakes[name].store.ids[17])
    again = await lookup.contact(world.operation(), id, NO_PARTS)
    assert again is not None
    assert again.id == id
    assert [other for other in ROWS if other != name and world.calls(other)] == []


@pytest.mark.parametrize("name", ROWS)
async def test_an_unknown_or_deleted_contact_is_none(name: str) -> None:
    world = World(ROWS)
    assert await found(world.operation(), global_id("Contact", name, UNKNOWN[name])) is None
    gone = an_id(world, name, 3)
    world.fakes[name].store.delete(world.fakes[name].store.ids[3])
    assert await found(world.operation(), gone) is None


@pytest.mark.parametrize("name", ROWS)
async def test_an_id_that_looks_odd_to_its_source_is_none(name: str) -> None:
    world = World(ROWS)
    for odd in ("..", "a/b", "x y", "?", "0x1f", "é", "-", "1,2"):
        assert await found(world.operation(), global_id("Contact", name, odd)) is None


async def test_an_id_of_a_source_that_is_not_there_is_none() -> None:
    world = World(ROWS)
    assert await found(world.operation(), global_id("Contact", "nowhere", "1")) is None
    visible = Operation({"wacr": world.sources["wacr"]})
    assert await found(visible, an_id(world, "tether")) is None
    assert world.calls("tether") == 0


@pytest.mark.parametrize("text", ["", "no id", "Q29udGFjdA==", global_id("Contact", "wacr", "1")[:-1], "é"])
async def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(BadUserInput, match="not an id of this service") as caught:
        await found(World({"wacr": 1}).operation(), text)
    assert caught.value.argument == "id"


async def test_a_contact_is_not_answered_with_another_types_id() -> None:
    world = World({"wacr": 3})
    with pytest.raises(BadUserInput, match="the id of a Tag"):
        await lookup.contact(world.operation(), global_id("Tag", "wacr", "1"), NO_PARTS)


async def test_an_id_written_otherwise_is_never_another_contact() -> None:
    world = World({"wacr": [{"id": 42, "firstname": "Ann"}]})
    assert await found(world.operation(), global_id("Contact", "wacr", "042")) is None
    assert await found(world.operation(), global_id("Contact", "wacr", "42.0")) is None


@pytest.mark.parametrize("name", ASKED)
async def test_a_source_that_answers_with_another_contact_is_not_believed(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(ROWS)
    store = world.fakes[name].store
    first, second = store.ids[:2]
    other = store.get(second)
    monkeypatch.setattr(store, "get", lambda row_id: other)
    assert await found(world.operation(), global_id("Contact", name, second)) is not None
    assert await found(world.operation(), global_id("Contact", name, first)) is None


async def test_a_changed_address_leaves_the_id_alone() -> None:
    world = World(ROWS)
    for name in ROWS:
        id = an_id(world, name, 5)
        native_id = world.fakes[name].store.ids[5]
        world.fakes[name].store.update(native_id, {"email": "new@example.com"})
        contact = await found(world.operation(), id)
        assert contact.id == id
        row = world.fakes[name].store.get(native_id) or {}
        for value in ("example", str(row.get("firstname") or row.get("first_name") or "@")):
            assert value not in global_id("Contact", name, native_id)


@pytest.mark.parametrize("name", ASKED)
async def test_one_call_a_key_and_equal_keys_once(name: str) -> None:
    world = World(ROWS)
    ids = [an_id(world, name, at) for at in (0, 1, 2, 1, 0)]
    several = await lookup.nodes(world.operation(), ids, nothing)
    assert [contact.id for contact in several if isinstance(contact, ContactRecord)] == ids
    assert world.calls(name) == 3


async def test_what_a_batch_wants_of_a_contact_is_asked_for_together() -> None:
    world = World(ROWS)
    operation = world.operation()
    native_id = world.fakes["wacr"].store.ids[0]
    await asyncio.gather(
        lookup.contact_by_native_id(operation, "wacr", native_id, frozenset({"tags"})),
        lookup.contact_by_native_id(operation, "wacr", native_id, frozenset({"status"})),
    )
    (call,) = world.fakes["wacr"].calls
    assert dict(call.parameters) == {"include": "groups,status"}


async def test_a_failing_source_fails_its_own_keys_alone() -> None:
    world = World(ROWS)
    world.fakes["wacr"].switches.fail("status", times=9, status=401)
    world.fakes["autokonnect"].switches.fail("status", times=9, status=500)
    asked = [an_id(world, name) for name in ("tether", "wacr", "askelephant", "autokonnect")]
    answers = await lookup.nodes(world.operation(), [*asked, "no id"], nothing)
    assert [type(answer) is ContactRecord for answer in answers] == [True, False, True, False, False]
    assert isinstance(answers[1], SourceError)
    assert answers[1].code is SourceErrorCode.SOURCE_UNAUTHENTICATED
    assert isinstance(answers[3], SourceError)
    assert answers[3].code is SourceErrorCode.SOURCE_UNAVAILABLE
    assert isinstance(answers[4], BadUserInput)
    assert answers[4].argument == "ids[4]"


async def test_more_than_a_hundred_ids_are_refused() -> None:
    with pytest.raises(BadUserInput, match="at most 100 ids, got 101"):
        await lookup.nodes(World({"wacr": 1}).operation(), [global_id("Contact", "wacr", "1")] * 101, nothing)


# ---------------------------------------------------------------- scans


@pytest.mark.parametrize("name", SCANNED)
async def test_a_scan_ends_when_the_last_key_is_found(name: str) -> None:
    world = World({name: 350})
    order = await in_order(world, name)
    ids = [global_id("Contact", name, order[at]) for at in (3, 150, 20)]
    several = await lookup.nodes(world.operation(), ids, nothing)
    assert [contact.id for contact in several if isinstance(contact, ContactRecord)] == ids
    assert world.calls(name) == 2


@pytest.mark.parametrize("name", SCANNED)
async def test_a_later_question_goes_on_where_the_scan_stopped(name: str) -> None:
    world = World({name: 350})
    order = await in_order(world, name)
    operation = world.operation()
    for at, calls in ((150, 2), (20, 2), (310, 4), (199, 4)):
        assert (await found(operation, global_id("Contact", name, order[at]))).native_id == order[at]
        assert world.calls(name) == calls


@pytest.mark.parametrize("name", SCANNED)
async def test_a_contact_that_the_operation_has_seen_costs_no_call(name: str) -> None:
    world = World({name: 350})
    operation = world.operation()
    page = await contacts(operation, ContactsQuestion(PageArguments(first=10)), Wanted())
    world.forget_calls()
    for contact in page.connection.nodes:
        assert await found(operation, contact.id) is contact
    assert world.calls(name) == 0


async def test_a_contact_that_a_board_has_shown_costs_no_call() -> None:
    world = World({"tether": 200})
    operation = world.operation()
    wanted = Wanted(parts=frozenset({"id", "contacts"}), nested=5)
    board = await stages.pipeline_stages(
        operation, PageArguments(first=1), None, Pipeline(), SourceErrorPolicy.PARTIAL, wanted
    )
    column = await stages.stage_contacts(
        operation, board.connection.nodes[0], PageArguments(first=5), None, None, SourceErrorPolicy.PARTIAL, wanted
    )
    world.forget_calls()
    assert await found(operation, column.connection.nodes[0].id) is column.connection.nodes[0]
    assert world.calls("tether") == 0


@pytest.mark.parametrize("name", SCANNED)
async def test_past_the_scan_limit_a_contact_is_neither_there_nor_gone(name: str) -> None:
    world = World({name: 350}, scan_limit=120)
    order = await in_order(world, name)
    ids = [global_id("Contact", name, native_id) for native_id in (order[110], order[300], UNKNOWN[name])]
    first, second, third = await lookup.nodes(world.operation(), ids, nothing)
    assert isinstance(first, ContactRecord)
    assert isinstance(second, ScanLimitExceeded)
    assert "120" in second.message
    assert isinstance(third, ScanLimitExceeded)
    assert world.calls(name) == 2


@pytest.mark.parametrize("name", SCANNED)
@pytest.mark.parametrize("past_end", ["empty", "404", "last"])
async def test_read_to_the_end_a_contact_is_gone_whatever_comes_past_the_end(name: str, past_end: Any) -> None:
    world = World({name: 200}, switches={name: Switches(past_end=past_end)})
    assert await found(world.operation(), global_id("Contact", name, UNKNOWN[name])) is None
    # Two full pages, and a row behind them: that the list ends there is otherwise the total's word alone.
    assert world.calls(name) == 3


@pytest.mark.parametrize("name", SCANNED)
async def test_smaller_pages_than_asked_for_hide_nobody(name: str) -> None:
    world = World({name: 130}, switches={name: Switches(max_page_size=30)})
    order = await in_order(world, name)
    assert (await found(world.operation(), global_id("Contact", name, order[129]))).native_id == order[129]


async def test_a_list_that_moves_while_it_is_read_is_read_again() -> None:
    world = World({"autokonnect": 250})
    order = await in_order(world, "autokonnect")
    fake = world.fakes["autokonnect"]
    operation = world.operation()
    await found(operation, global_id("Contact", "autokonnect", order[10]))
    # Its successors move up by one: the next page begins behind the contact that is looked for.
    fake.store.delete(order[5])
    assert (await found(operation, global_id("Contact", "autokonnect", order[100]))).native_id == order[100]


async def test_a_contact_that_cannot_be_read_is_not_said_to_be_gone() -> None:
    rows = [{"id": "7", "email": ["no", "text"]}, {"id": "8"}]
    world = World({"autokonnect": rows})
    bad, good = await lookup.nodes(
        world.operation(), [global_id("Contact", "autokonnect", id) for id in ("7", "8")], nothing
    )
    assert isinstance(bad, SourceInvalidResponse)
    assert "email" in bad.message
    assert isinstance(good, ContactRecord)


@pytest.mark.parametrize("name", SCANNED)
async def test_what_a_scan_passed_is_remembered_for_a_short_time(name: str) -> None:
    world = World({name: 350}, cache_ttl=60.0)
    order = await in_order(world, name)
    await found(world.operation(), global_id("Contact", name, order[150]))
    await found(world.operation(), global_id("Contact", name, UNKNOWN[name]))
    calls = world.calls(name)
    assert calls == 2 + 4
    for at in (0, 99, 199, 349):
        assert (await found(world.operation(), global_id("Contact", name, order[at]))).native_id == order[at]
    assert await found(world.operation(), global_id("Contact", name, UNKNOWN[name])) is None
    assert world.calls(name) == calls


async def test_nothing_is_remembered_for_another_caller_or_past_the_cache() -> None:
    world = World({"autokonnect": 50}, cache_ttl=60.0)
    id = an_id(world, "autokonnect")
    await found(world.operation(), id)
    assert world.calls("autokonnect") == 1
    await found(world.operation(fresh=True), id)
    assert world.calls("autokonnect") == 2
    stranger = world.operation(credentials={"autokonnect": Credential("someone-else")})
    with pytest.raises(SourceError):
        await found(stranger, id)
    assert world.calls("autokonnect") == 3


# ---------------------------------------------------------------- the other types


async def test_a_source_is_found_by_its_id() -> None:
    world = World(ROWS)
    for source in world.sources.values():
        assert await found(world.operation(), source.record.id) is source.record
    assert await found(world.operation(), global_id("Source", "wacr", "tether")) is None
    assert isinstance(world.sources["wacr"].record, SourceRecord)


async def test_a_user_is_found_by_its_id_and_a_stranger_is_none() -> None:
    world = World(ROWS)
    user = await found(world.operation(), global_id("User", "tether", USERS[2]["_id"]))
    assert isinstance(user, UserRecord)
    assert (user.name, user.email) == (USERS[2]["fullName"], USERS[2]["email"])
    assert await found(world.operation(), global_id("User", "tether", "f" * 24)) is None


async def test_a_user_of_wacr_is_an_id_alone_if_it_can_be_one() -> None:
    world = World(ROWS)
    user = await found(world.operation(), global_id("User", "wacr", "5"))
    assert isinstance(user, UserRecord)
    assert (user.native_id, user.name) == ("5", None)
    for no_id in ("05", "five", "5.0", ""):
        if no_id:
            assert await found(world.operation(), global_id("User", "wacr", no_id)) is None
    for without in ("askelephant", "autokonnect"):
        assert await found(world.operation(), global_id("User", without, "5")) is None
    assert [world.calls(name) for name in ROWS] == [0, 0, 0, 0]


async def test_a_tag_is_found_by_its_id_and_a_deleted_one_is_none() -> None:
    world = World(ROWS)
    tag = await found(world.operation(), global_id("Tag", "autokonnect", "42"))
    assert isinstance(tag, TagRecord)
    assert tag.name == "VIP"
    group = await found(world.operation(), global_id("Tag", "wacr", "2"))
    assert group.name == "Newsletter"
    fake = world.fakes["autokonnect"]
    assert isinstance(fake, AutokonnectFake)
    fake.tags.delete("42")
    assert await found(world.operation(), global_id("Tag", "autokonnect", "42")) is None
    for without in ("tether", "askelephant"):
        assert await found(world.operation(), global_id("Tag", without, "42")) is None


async def test_several_tags_of_a_source_cost_one_call() -> None:
    world = World(ROWS)
    several = await lookup.nodes(
        world.operation(), [global_id("Tag", "wacr", str(number)) for number in (1, 2, 3, 99)], nothing
    )
    assert [tag.name if isinstance(tag, TagRecord) else tag for tag in several] == [
        "VIP",
        "Newsletter",
        "Wholesale",
        None,
    ]
    assert world.calls("wacr") == 1


async def some_stage(world: World) -> StageRecord:
    outcome = await stages.pipeline_stages(
        world.operation(), PageArguments(), None, Pipeline(), SourceErrorPolicy.PARTIAL, Wanted()
    )
    stage = outcome.connection.nodes[2]
    assert isinstance(stage, StageRecord)
    world.forget_calls()
    return stage


async def test_a_stage_is_found_by_its_id_and_a_deleted_one_is_none() -> None:
    world = World({"tether": 20})
    stage = await some_stage(world)
    again = await lookup.node(world.operation(), stage.id, lambda type_name: frozenset({"id", "name", "color"}))
    assert isinstance(again, StageRecord)
    assert (again.id, again.name, again.color, again.position) == (stage.id, "Qualified", "#2a9d8f", 2)
    fake = world.fakes["tether"]
    assert isinstance(fake, TetherFake)
    sales = fake.pipelines[0]
    kept = [each for each in sales["pipelineStages"] if each["name"] != "Qualified"]
    fake.pipelines[0] = {**sales, "pipelineStages": kept}
    assert await found(world.operation(), stage.id) is None


async def test_a_stage_that_is_asked_for_its_contacts_costs_no_call_of_its_own() -> None:
    world = World({"tether": 20})
    stage = await some_stage(world)
    again = await lookup.node(world.operation(), stage.id, lambda type_name: frozenset({"id", "contacts"}))
    assert isinstance(again, StageRecord)
    assert (again.id, again.native_id, again.pipeline_id) == (stage.id, stage.native_id, stage.pipeline_id)
    assert world.calls("tether") == 0


@pytest.mark.parametrize("native", ["x", "[]", '["CONTACT",null,null]', '["OTHER",null,"a",null]', "{}"])
async def test_a_stages_id_that_holds_nonsense_is_refused(native: str) -> None:
    with pytest.raises(BadUserInput, match="not an id of this service"):
        await found(World({"tether": 1}).operation(), global_id("PipelineStage", "tether", native))


async def test_a_stages_id_without_id_and_name_is_none() -> None:
    id = global_id("PipelineStage", "tether", '["CONTACT",null,null,null]')
    operation = World({"tether": 1}).operation()
    assert await lookup.node(operation, id, lambda type_name: frozenset({"contacts"})) is None


async def test_a_stages_id_of_another_source_is_none() -> None:
    world = World({"tether": 20, "wacr": 2})
    stage = await some_stage(world)
    native = f'["CONTACT","{stage.pipeline_id}","{stage.native_id}",null]'
    assert await found(world.operation(), global_id("PipelineStage", "wacr", native)) is None
    assert await found(world.operation(), global_id("PipelineStage", "tether", native.replace(",", ", "))) is None
