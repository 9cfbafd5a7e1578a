"""The same person in several sources: found by e-mail or phone, compared exactly, with honest slices (DESIGN.md 9)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from providers.apis.fakes import demo_people
from providers.apis.tether.fake.rows import PIPELINES
from providers.spi.errors import SourceErrorCode
from providers.spi.record import ContactRecord
from resolvers import persons
from resolvers.contacts import ContactsQuestion, contacts
from resolvers.matching.candidates import keys_of
from resolvers.model.errors import BadUserInput
from resolvers.model.records import PersonRecord, SourceStatus
from resolvers.model.selection import Wanted
from resolvers.paging.arguments import PageArguments
from resolvers.request.operation import Operation
from tests.support.world import World, ids

NO_PARTS: frozenset[str] = frozenset()
SALES = PIPELINES[0]
WON = next(stage["_id"] for stage in SALES["pipelineStages"] if stage["name"] == "Won")


def tether_row(number: int, email: str | None = None, phone: str | None = None, **more: Any) -> dict[str, Any]:
    place = {"status": "Won", "pipelineId": SALES["_id"], "pipelineStage": WON}
    return {"_id": f"{number:024x}", "email": email, "phoneNumber": phone, **place, **more}


def elephant_row(number: int, emails: tuple[str, ...] = (), phones: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "object": "contact",
        "id": f"cnt_{number}",
        "created_at": "2025-01-01T00:00:00.000Z",
        "updated_at": f"2025-01-01T00:00:{number:02d}.000Z",
        "first_name": "Ann",
        "last_name": None,
        "emails": [{"email": email, "is_primary": at == 0} for at, email in enumerate(emails)],
        "phone_numbers": [{"phone_number": phone, "is_primary": at == 0} for at, phone in enumerate(phones)],
    }


def wacr_row(number: int, email: str | None = None, phone: str | None = None, **more: Any) -> dict[str, Any]:
    times = {"created_at": "2025-01-01T00:00:00.000000Z", "updated_at": "2025-01-01T00:00:00.000000Z"}
    return {"id": number, "email": email, "phone": phone, "group_id": [], **times, **more}


def konnect_row(number: int, email: str | None = None, phone: str | None = None, **more: Any) -> dict[str, Any]:
    return {"id": str(number), "email": email, "phone_number": phone, "tags": [], **more}


ANN: Mapping[str, list[dict[str, Any]]] = {
    "tether": [tether_row(1, "ann@example.com", "+254712345678"), tether_row(2, None, "+254712345679")],
    "askelephant": [
        elephant_row(1, ("other@example.com", " ANN@example.com"), ("+254 712 345 678",)),
        elephant_row(2, ("joann@example.com",)),
    ],
    "wacr": [wacr_row(1, "Ann@Example.com"), wacr_row(2, phone="0712 345 678"), wacr_row(3, "ann@example.com.ke")],
    "autokonnect": [konnect_row(1, phone="254712345678"), konnect_row(2, "zoe@example.com", "254799345678")],
}


async def listed(operation: Operation, name: str, first: int = 50) -> list[ContactRecord]:
    page = await contacts(operation, ContactsQuestion(PageArguments(first=first), (name,)), Wanted())
    found: list[ContactRecord] = page.connection.nodes
    return found


async def one(world: World, operation: Operation, name: str, native_id: str) -> ContactRecord:
    found = next(contact for contact in await listed(operation, name) if contact.native_id == native_id)
    world.forget_calls()
    return found


def searches(world: World, name: str) -> list[str]:
    asked = []
    for call in world.fakes[name].calls:
        asked += [value for key, value in call.parameters if key == "search"]
        asked += [call.body["search"]] if call.body else []
    return asked


def statuses(person: PersonRecord) -> dict[str, SourceStatus]:
    return {part.source.name: part.status for part in person.sources}


# ---------------------------------------------------------------- matches


async def test_the_same_person_is_found_by_address_and_by_number_however_written() -> None:
    world = World(ANN, default_region="KE")
    operation = world.operation()
    ann = await one(world, operation, "tether", f"{1:024x}")
    found = await persons.matches(operation, ann, None, NO_PARTS)
    assert ids(found) == ["askelephant:cnt_1", "wacr:1", "wacr:2", "autokonnect:1"]


@pytest.mark.parametrize(
    "written", ["+33 6 12 34 56 78", "06.12.34.56.78", "06 12 34 5678", "+33612345678", "0033 6 12 34 56 78"]
)
async def test_a_number_that_its_country_writes_in_pairs_is_found(written: str) -> None:
    rows: Mapping[str, list[dict[str, Any]]] = {
        "wacr": [wacr_row(1, phone=written), wacr_row(2, phone="+33 6 12 34 56 79")],
        "autokonnect": [konnect_row(1, phone="33612345678"), konnect_row(2, phone="33612345778")],
    }
    world = World(rows, default_region="FR")
    for name, other in (("wacr", "autokonnect"), ("autokonnect", "wacr")):
        operation = world.operation()
        found = await persons.matches(operation, await one(world, operation, name, "1"), None, NO_PARTS)
        assert [(match.source.name, match.native_id) for match in found] == [(other, "1")]


@pytest.mark.parametrize("address", ["straße@größe.example", "ﬁona@example.com", "e\u0301cole@example.com"])
async def test_an_address_that_folding_changes_is_found_as_it_is_written(address: str) -> None:
    rows: Mapping[str, list[dict[str, Any]]] = {
        "wacr": [wacr_row(1, address), wacr_row(2, "strasse@other.example")],
        "autokonnect": [konnect_row(1, address), konnect_row(2, "zoe@example.com")],
    }
    world = World(rows)
    for name, other in (("wacr", "autokonnect"), ("autokonnect", "wacr")):
        operation = world.operation()
        found = await persons.matches(operation, await one(world, operation, name, "1"), None, NO_PARTS)
        assert [(match.source.name, match.native_id) for match in found] == [(other, "1")]
    asked = await persons.person(world.operation(), address, None, NO_PARTS)
    assert asked is not None
    assert len(asked.contacts) == 2


async def test_only_the_named_sources_are_asked_and_unknown_names_are_passed_over() -> None:
    world = World(ANN, default_region="KE")
    operation = world.operation()
    ann = await one(world, operation, "tether", f"{1:024x}")
    found = await persons.matches(operation, ann, ("wacr", "nowhere", "tether"), NO_PARTS)
    assert ids(found) == ["wacr:1", "wacr:2"]
    assert [world.calls(name) for name in ANN] == [0, 0, 2, 0]


async def test_matches_are_one_hop_away_and_no_further() -> None:
    rows = {
        "wacr": [wacr_row(1, "a@example.com", "+254712000001")],
        "autokonnect": [konnect_row(1, "b@example.com", "254712000001"), konnect_row(2, "b@example.com")],
    }
    world = World(rows)
    operation = world.operation()
    first = await one(world, operation, "wacr", "1")
    assert ids(await persons.matches(operation, first, None, NO_PARTS)) == ["autokonnect:1"]


async def test_a_contact_without_address_and_number_asks_nobody() -> None:
    world = World({"wacr": [wacr_row(1, "", "not known")], "autokonnect": 20, "askelephant": 20})
    operation = world.operation()
    nobody = await one(world, operation, "wacr", "1")
    assert await persons.matches(operation, nobody, None, NO_PARTS) == []
    assert [world.calls(name) for name in ("wacr", "autokonnect", "askelephant")] == [0, 0, 0]


async def test_fifty_contacts_whose_addresses_repeat_cost_one_search_an_address_and_source() -> None:
    addresses = [f"person{number}@example.com" for number in range(5)]
    rows = {
        "wacr": [
            wacr_row(number, address.upper() if number % 2 else f" {address}")
            for number in range(1, 51)
            for address in [addresses[number % 5]]
        ],
        "autokonnect": [konnect_row(number, address) for number, address in enumerate(addresses, 1)],
        "askelephant": [elephant_row(number, (address,)) for number, address in enumerate(addresses, 1)],
    }
    world = World(rows)
    operation = world.operation()
    fifty = await listed(operation, "wacr")
    assert len(fifty) == 50
    world.forget_calls()
    found = await asyncio.gather(*(persons.matches(operation, contact, None, NO_PARTS) for contact in fifty))
    for contact, several in zip(fifty, found, strict=True):
        assert len(several) == 2
        assert {keys_of(match).emails for match in several} == {keys_of(contact).emails}
    for name in ("autokonnect", "askelephant"):
        assert sorted(searches(world, name)) == addresses
        assert world.calls(name) == 5
    assert world.calls("wacr") == 0


async def test_a_failing_source_is_missing_and_nothing_is_raised() -> None:
    world = World(ANN, default_region="KE")
    operation = world.operation()
    ann = await one(world, operation, "tether", f"{1:024x}")
    world.fakes["wacr"].switches.fail("status", times=99, status=500)
    found = await persons.matches(operation, ann, None, NO_PARTS)
    assert ids(found) == ["askelephant:cnt_1", "autokonnect:1"]


async def test_matches_have_the_parts_that_are_selected() -> None:
    rows = {"autokonnect": [konnect_row(1, "a@example.com")], "wacr": [wacr_row(1, "a@example.com", group_id=[1])]}
    world = World(rows)
    operation = world.operation()
    contact = await one(world, operation, "autokonnect", "1")
    (match,) = await persons.matches(operation, contact, None, frozenset({"tags", "tags.name"}))
    assert [tag.name for tag in match.tags] == ["VIP"]
    assert ("include", "groups") in world.fakes["wacr"].calls[0].parameters


async def test_many_numbers_with_one_ending_are_narrowed_and_said_to_be() -> None:
    crowd = [konnect_row(number, phone=f"2547{number:05d}678") for number in range(700)]
    rows = {"wacr": [wacr_row(1, phone="+254700123678")], "autokonnect": crowd}
    world = World(rows)
    operation = world.operation()
    contact = await one(world, operation, "wacr", "1")
    person = await persons.person_of(operation, contact, NO_PARTS)
    assert ids(person.contacts) == ["wacr:1", "autokonnect:123"]
    assert searches(world, "autokonnect") == ["678", "0123678"]
    part = next(part for part in person.sources if part.source.name == "autokonnect")
    assert part.status is SourceStatus.PARTIAL
    assert [warning.code for warning in part.warnings] == [SourceErrorCode.MATCH_INCOMPLETE]


async def test_all_pages_of_candidates_are_compared() -> None:
    crowd = [konnect_row(number, phone=f"2547{number:05d}678") for number in range(250)]
    rows = {"wacr": [wacr_row(number, phone=f"+2547{number:05d}678") for number in (3, 140, 249)], "autokonnect": crowd}
    world = World(rows)
    operation = world.operation()
    for contact in await listed(operation, "wacr"):
        found = await persons.matches(operation, contact, None, NO_PARTS)
        assert ids(found) == [f"autokonnect:{contact.native_id}"]
    # Nothing was narrowed, which would have found them as well.
    assert set(searches(world, "autokonnect")) == {"678"}


@pytest.mark.parametrize("region", [None, "KE"])
async def test_every_pair_of_the_demos_people_is_found_where_a_source_can_be_searched(region: str | None) -> None:
    people = demo_people(0, 60, 80, 80, seed=7)
    rows: dict[str, Any] = dict.fromkeys(("askelephant", "wacr", "autokonnect"), people)
    world = World(rows, default_region=region)
    operation = world.operation()
    everybody = [contact for name in rows for contact in await world.walk([100], sources=(name,))]
    pairs = 0
    for contact in everybody:
        own = keys_of(contact)
        expected = set()
        for other in everybody:
            keys = keys_of(other)
            by_email = set(own.emails) & set(keys.emails)
            by_phone = set(own.phones) & set(keys.phones) if other.source.name != "askelephant" else set()
            if other.source.name != contact.source.name and (by_email or by_phone):
                expected.add(other.id)
        found = await persons.matches(operation, contact, None, NO_PARTS)
        assert {match.id for match in found} == expected
        pairs += len(expected)
    assert pairs > 20


# ---------------------------------------------------------------- person


async def test_a_person_lists_the_contact_first_and_says_how_each_source_fared() -> None:
    world = World(ANN, default_region="KE")
    operation = world.operation()
    ann = await one(world, operation, "wacr", "1")
    person = await persons.person_of(operation, ann, NO_PARTS)
    # Tether's search knows no addresses, so its contact is not found: that is what the warning says.
    assert ids(person.contacts) == ["wacr:1", "askelephant:cnt_1"]
    assert person.display_name == "Ann"
    assert person.emails == ["Ann@Example.com", "other@example.com"]
    assert person.phones == ["+254 712 345 678"]
    assert statuses(person) == {
        "tether": SourceStatus.PARTIAL,
        "askelephant": SourceStatus.OK,
        "wacr": SourceStatus.SKIPPED,
        "autokonnect": SourceStatus.OK,
    }
    tether = person.sources[0]
    assert [(warning.code, "e-mail" in warning.message) for warning in tether.warnings] == [
        (SourceErrorCode.MATCH_INCOMPLETE, True)
    ]
    assert world.calls("tether") == 0
    assert person.sources[1].total_count == 1


async def test_a_source_without_phone_search_says_so() -> None:
    world = World(ANN, default_region="KE")
    operation = world.operation()
    by_phone = await one(world, operation, "autokonnect", "1")
    person = await persons.person_of(operation, by_phone, NO_PARTS)
    assert ids(person.contacts) == ["autokonnect:1", f"tether:{1:024x}", "wacr:2"]
    elephant = person.sources[1]
    assert elephant.status is SourceStatus.PARTIAL
    assert [warning.message for warning in elephant.warnings] == ["askelephant: cannot be searched for phone numbers"]
    assert world.calls("askelephant") == 0


async def test_contacts_outside_the_pipeline_are_said_to_be_missing() -> None:
    world = World(ANN, default_region="KE")
    operation = world.operation()
    by_phone = await one(world, operation, "autokonnect", "1")
    person = await persons.person_of(operation, by_phone, NO_PARTS)
    assert [warning.code for warning in person.sources[0].warnings] == [SourceErrorCode.MATCH_INCOMPLETE]
    assert "pipeline" in person.sources[0].warnings[0].message


async def test_a_failed_source_is_failed_in_its_slice() -> None:
    world = World(ANN, default_region="KE")
    operation = world.operation()
    ann = await one(world, operation, "tether", f"{1:024x}")
    world.fakes["wacr"].switches.fail("status", times=99, status=401)
    person = await persons.person_of(operation, ann, NO_PARTS)
    wacr = person.sources[2]
    assert wacr.status is SourceStatus.FAILED
    assert wacr.error is not None
    assert wacr.error.code is SourceErrorCode.SOURCE_UNAUTHENTICATED


async def test_one_of_two_searches_that_fails_is_a_warning_beside_what_the_other_found() -> None:
    world = World({"tether": ANN["tether"], "wacr": ANN["wacr"]}, default_region="KE", max_concurrency=1)
    operation = world.operation()
    ann = await one(world, operation, "tether", f"{1:024x}")
    world.fakes["wacr"].switches.fail("status", times=1, status=500)
    person = await persons.person_of(operation, ann, NO_PARTS)
    assert len(person.contacts) == 2
    assert person.sources[1].status is SourceStatus.PARTIAL
    assert [warning.code for warning in person.sources[1].warnings] == [SourceErrorCode.SOURCE_UNAVAILABLE]


async def test_a_person_is_found_by_address_or_number_in_all_sources() -> None:
    world = World(ANN, default_region="KE")
    by_email = await persons.person(world.operation(), " ANN@example.COM ", None, NO_PARTS)
    assert by_email is not None
    assert ids(by_email.contacts) == ["askelephant:cnt_1", "wacr:1"]
    by_phone = await persons.person(world.operation(), None, "0712345678", NO_PARTS)
    assert by_phone is not None
    assert ids(by_phone.contacts) == [f"tether:{1:024x}", "wacr:2", "autokonnect:1"]
    by_both = await persons.person(world.operation(), "ann@example.com", "+254 712 345 678", NO_PARTS)
    assert by_both is not None
    assert len(by_both.contacts) == 5


async def test_nobody_is_a_person_without_contacts_where_a_source_cannot_be_searched_for_the_key() -> None:
    world = World(ANN)
    by_email = await persons.person(world.operation(), "nobody@example.com", None, NO_PARTS)
    assert by_email is not None
    assert by_email.contacts == []
    said = {part.source.name: [warning.code for warning in part.warnings] for part in by_email.sources}
    incomplete = [SourceErrorCode.MATCH_INCOMPLETE]
    assert said == {"tether": incomplete, "askelephant": [], "wacr": [], "autokonnect": []}
    assert statuses(by_email)["tether"] is SourceStatus.PARTIAL
    by_phone = await persons.person(world.operation(), None, "+254799999999", NO_PARTS)
    assert by_phone is not None
    assert by_phone.contacts == []
    assert [warning.code for warning in by_phone.sources[1].warnings] == incomplete


async def test_nobody_is_none_when_all_answered_and_a_person_without_contacts_when_not() -> None:
    # Tether cannot be searched for an address.
    world = World({name: rows for name, rows in ANN.items() if name != "tether"})
    assert await persons.person(world.operation(), "nobody@example.com", None, NO_PARTS) is None
    world.fakes["wacr"].switches.fail("status", times=9, status=500)
    unsure = await persons.person(world.operation(), "nobody@example.com", None, NO_PARTS)
    assert unsure is not None
    assert unsure.contacts == []
    assert unsure.display_name is None
    assert statuses(unsure)["wacr"] is SourceStatus.FAILED


@pytest.mark.parametrize(
    ("email", "phone", "argument"),
    [(None, None, "email"), ("  ", None, "email"), (None, "", "phone"), (None, "no number", "phone")],
)
async def test_a_person_of_nothing_is_refused(email: str | None, phone: str | None, argument: str) -> None:
    with pytest.raises(BadUserInput) as caught:
        await persons.person(World(ANN).operation(), email, phone, NO_PARTS)
    assert caught.value.argument == argument


async def test_searches_of_one_source_wait_outside_of_its_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {
        "wacr": [wacr_row(number, f"person{number}@example.com") for number in range(1, 31)],
        "autokonnect": [konnect_row(number, f"person{number}@example.com") for number in range(1, 31)],
    }
    world = World(rows, max_concurrency=2)
    source = world.sources["autokonnect"]
    send = source.send
    under_way: list[int] = [0]
    most = 0

    async def counted(*arguments: Any, **rest: Any) -> Any:
        nonlocal most
        under_way[0] += 1
        most = max(most, under_way[0])
        await asyncio.sleep(0)
        try:
            return await send(*arguments, **rest)
        finally:
            under_way[0] -= 1

    monkeypatch.setattr(source, "send", counted)
    operation = world.operation()
    several = await listed(operation, "wacr")
    found = await asyncio.gather(*(persons.matches(operation, contact, None, NO_PARTS) for contact in several))
    assert [len(each) for each in found] == [1] * 30
    assert most == 2
