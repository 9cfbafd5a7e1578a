"""Owners, assignees and creators: named by Tether's user list, one call an operation (DESIGN.md 7)."""

from __future__ import annotations

import asyncio

from providers.apis.fakes import Switches
from providers.apis.tether.fake.rows import USERS
from providers.spi.record import ContactRecord, UserRef, global_id
from resolvers import sources, users
from resolvers.contacts import ContactsQuestion, contacts
from resolvers.model.records import ContactConnectionRecord
from resolvers.model.selection import Wanted
from resolvers.paging.arguments import PageArguments
from resolvers.request.keys import Key
from resolvers.request.operation import Operation
from tests.support.world import World

NAMES = {user["_id"]: (user["fullName"], user["email"]) for user in USERS}
NAMED = frozenset({"name", "email"})
USER_LIST = "/api/user/list"


async def fifty(operation: Operation, source: str = "tether") -> list[ContactRecord]:
    outcome = await contacts(operation, ContactsQuestion(PageArguments(first=50), (source,)), Wanted())
    assert isinstance(outcome.connection, ContactConnectionRecord)
    return outcome.connection.nodes


async def test_owners_and_assignees_of_fifty_contacts_cost_one_call() -> None:
    world = World({"tether": 50})
    operation = world.operation()
    found = await fifty(operation)
    world.forget_calls()
    owners = await asyncio.gather(*(users.owner(operation, contact, NAMED) for contact in found))
    assigned = await asyncio.gather(*(users.assignees(operation, contact, NAMED) for contact in found))
    assert [call.path for call in world.fakes["tether"].calls] == [USER_LIST]
    for contact, owner, several in zip(found, owners, assigned, strict=True):
        row = world.fakes["tether"].store.get(contact.native_id) or {}
        assert (owner and (owner.name, owner.email)) == NAMES.get(row.get("userId") or "")
        assert [(user.native_id, user.name, user.email) for user in several] == [
            (native_id, *NAMES[native_id]) for native_id in row["assignees"]
        ]
    assert any(owners)
    assert sum(map(len, assigned)) > 50


async def test_ids_alone_cost_no_call() -> None:
    world = World({"tether": 50})
    operation = world.operation()
    found = await fifty(operation)
    world.forget_calls()
    for contact in found:
        for user in await users.assignees(operation, contact, frozenset({"id", "native_id", "source.name"})):
            assert user.id == global_id("User", "tether", user.native_id)
            assert user.source is world.sources["tether"].record
    assert world.calls("tether") == 0


async def test_names_that_the_contact_brings_cost_no_call() -> None:
    world = World({"tether": 50}, switches={"tether": Switches(assignees="objects", created_by="object")})
    operation = world.operation()
    found = await fifty(operation)
    world.forget_calls()
    for contact in found:
        for user in await users.assignees(operation, contact, frozenset({"name"})):
            assert user.name == NAMES[user.native_id][0]
        creator = sources.details(operation, contact).created_by
        named = await users.created_by(operation, contact.source, creator, frozenset({"name"}))
        assert (named and named.name) == (NAMES[creator.native_id][0] if creator is not None else None)
    assert world.calls("tether") == 0


async def test_an_address_is_looked_up_and_the_name_that_was_brought_stays() -> None:
    world = World({"tether": 1})
    ref = UserRef(USERS[0]["_id"], "A. Hassan")
    user = await users.created_by(world.operation(), world.sources["tether"].record, ref, NAMED)
    assert user is not None
    assert (user.name, user.email) == ("A. Hassan", USERS[0]["email"])


async def test_a_user_list_that_fails_costs_the_names_alone() -> None:
    world = World({"tether": 50})
    operation = world.operation()
    found = await fifty(operation)
    world.fakes["tether"].switches.fail("status", times=99, status=500, path=USER_LIST)
    several = await asyncio.gather(*(users.assignees(operation, contact, NAMED) for contact in found))
    assert [user.native_id for users_of in several for user in users_of] == [
        ref.native_id for contact in found for ref in contact.assignee_refs
    ]
    assert {user.name for users_of in several for user in users_of} == {None}


async def test_a_user_who_left_the_list_is_an_id_alone() -> None:
    world = World({"tether": 1})
    record = world.sources["tether"].record
    gone = await users.created_by(world.operation(), record, UserRef("f" * 24), NAMED)
    assert gone is not None
    assert (gone.native_id, gone.name, gone.email) == ("f" * 24, None, None)


async def test_the_user_of_a_source_without_a_list_is_an_id_alone() -> None:
    world = World({"wacr": 50})
    operation = world.operation()
    found = await fifty(operation, "wacr")
    world.forget_calls()
    met = [user for contact in found for user in await users.assignees(operation, contact, NAMED)]
    assert met
    assert {(user.name, user.email) for user in met} == {(None, None)}
    assert world.calls("wacr") == 0


async def test_work_that_several_need_is_started_once_and_fails_for_all() -> None:
    operation = World({"tether": 1}).operation()
    started: list[str] = []

    async def work() -> str:
        started.append("work")
        await asyncio.sleep(0)
        raise KeyError("nothing there")

    key: Key[str] = Key("work")
    answers = await asyncio.gather(*(operation.once(key, work) for _ in range(3)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [KeyError] * 3
    assert started == ["work"]


async def test_a_waiter_that_goes_away_leaves_the_list_to_the_others() -> None:
    world = World({"tether": 1}, switches={"tether": Switches(latency=0.02)})
    operation = world.operation()
    record = world.sources["tether"].record
    ref = UserRef(USERS[0]["_id"])
    leaving = asyncio.create_task(users.created_by(operation, record, ref, NAMED))
    staying = asyncio.create_task(users.created_by(operation, record, ref, NAMED))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    leaving.cancel()
    user = await staying
    assert user is not None
    assert user.name == USERS[0]["fullName"]
    assert world.calls("tether") == 1
