"""The made-up people: the same every time, and as untidy as real contacts."""

from __future__ import annotations

import unicodedata
from collections import Counter

import pytest

from providers.apis.fakes import FAKES, DemoPeople, demo_people
from providers.fake_kit.made_up.names import Name
from providers.fake_kit.made_up.people import SourceKind, people, sightings
from providers.fake_kit.made_up.spelling import Phone, without_accents, write_phone

SOURCES: tuple[SourceKind, ...] = ("tether", "askelephant", "wacr", "autokonnect")


@pytest.fixture(scope="module")
def demo() -> DemoPeople:
    return demo_people()


@pytest.mark.parametrize("provider", FAKES)
def test_two_fakes_of_the_same_people_hold_the_same_rows(provider: str) -> None:
    assert FAKES[provider](demo_people()).store.rows == FAKES[provider]().store.rows


def test_another_seed_makes_other_people(demo: DemoPeople) -> None:
    assert demo_people(seed=1) == demo_people(seed=1)
    assert demo_people(seed=1).tether != demo.tether


def test_the_default_sizes_are_those_of_the_demo(demo: DemoPeople) -> None:
    assert [len(demo.of(source)) for source in SOURCES] == [1200, 900, 1100, 800]


@pytest.mark.parametrize("provider", FAKES)
def test_a_size_makes_so_many_contacts(provider: str) -> None:
    assert len(FAKES[provider](37).store) == 37


@pytest.mark.parametrize("provider", FAKES)
def test_native_ids_are_unique(provider: str) -> None:
    rows = FAKES[provider]().store.rows
    assert len({row.get("_id", row.get("id")) for row in rows}) == len(rows)


def test_more_records_than_people_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="larger than population"):
        sightings("tether", 50, people(10))


def test_every_two_sources_share_hundreds_of_people(demo: DemoPeople) -> None:
    known = {source: {sighting.person for sighting in demo.of(source)} for source in SOURCES}
    for one in SOURCES:
        for other in SOURCES:
            assert len(known[one] & known[other]) > 150


def test_a_shared_person_is_spelled_differently_yet_recognisable(demo: DemoPeople) -> None:
    tether = {sighting.person: sighting for sighting in demo.tether}
    both = [(tether[s.person], s) for s in demo.wacr if s.person in tether]
    emails = [(a.emails[0], b.emails[0]) for a, b in both if a.emails and b.emails]
    names = [(a.first_name, b.first_name) for a, b in both if a.first_name and b.first_name]
    assert all(a.strip().casefold() == b.strip().casefold() for a, b in emails)
    assert sum(a != b for a, b in emails) > len(emails) // 4
    assert sum(a != b for a, b in names) > len(names) // 4


def test_somebody_is_in_one_source_twice(demo: DemoPeople) -> None:
    for source in SOURCES:
        assert max(Counter(sighting.person for sighting in demo.of(source)).values()) >= 2


def test_different_people_share_a_name(demo: DemoPeople) -> None:
    named = {(s.person, s.first_name, s.last_name) for s in demo.tether if s.first_name and s.last_name}
    names = Counter((first, last) for _, first, last in named)
    assert names.most_common(1)[0][1] > 3


def test_bulk_imports_share_both_moments_by_the_dozen(demo: DemoPeople) -> None:
    for source in SOURCES:
        imported = Counter(s.created_at for s in demo.of(source) if s.created_at == s.updated_at)
        assert imported.most_common(1)[0][1] >= 24


def test_moments_tie_across_sources_too(demo: DemoPeople) -> None:
    moments = [{s.created_at for s in demo.of(source)} for source in SOURCES]
    assert set.intersection(*moments)


def test_names_are_in_many_scripts_with_accents_in_any_case_and_sometimes_missing(demo: DemoPeople) -> None:
    names = [sighting.first_name for source in SOURCES for sighting in demo.of(source)]
    written = [name for name in names if name]
    scripts = {unicodedata.name(char).split()[0] for name in written for char in name if char.isalpha()}
    assert {"LATIN", "ARABIC", "CJK", "CYRILLIC", "ETHIOPIC", "HANGUL", "GREEK", "DEVANAGARI"} <= scripts
    assert None in names
    assert any(name.isupper() and name.isascii() for name in written)
    assert any(name.islower() and name.isascii() for name in written)
    assert any(name != unicodedata.normalize("NFC", name) for name in written)
    assert {"José", "Jose"} <= set(written)


def test_addresses_and_numbers_belong_to_nobody(demo: DemoPeople) -> None:
    for source in SOURCES:
        for sighting in demo.of(source):
            assert all(
                email.strip().lower().endswith(("@example.com", "@example.org", "@example.net"))
                for email in sighting.emails
            )
    fictional = [phone for person in people(3000) for phone in person.phones if phone.country != "254"]
    assert all(phone.subscriber.startswith("55501") for phone in fictional if phone.country == "1")
    assert all((phone.area, phone.subscriber[:3]) == ("7700", "900") for phone in fictional if phone.country == "44")


def test_phone_numbers_are_written_with_and_without_country(demo: DemoPeople) -> None:
    written = [phone for sighting in demo.tether for phone in sighting.phones]
    assert any(phone.startswith("+254 7") for phone in written)
    assert any(phone.startswith("2547") for phone in written)
    assert any(phone.startswith("07") for phone in written)


def test_one_number_in_every_style() -> None:
    phone = Phone("254", "712", "000123")
    assert write_phone(phone, "e164") == "+254712000123"
    assert write_phone(phone, "spaced") == "+254 712 000 123"
    assert write_phone(phone, "dashed") == "+254-712-000-123"
    assert write_phone(phone, "digits") == "254712000123"
    assert write_phone(phone, "local") == "0712000123"
    assert write_phone(Phone("1", "212", "5550123"), "local") == "(212) 555-0123"


def test_dropping_accents_leaves_other_scripts_alone() -> None:
    assert without_accents(Name("Dvořák", "Dvorak").written) == "Dvorak"
    assert without_accents("王") == "王"


@pytest.mark.parametrize("provider", ["tether", "askelephant", "autokonnect"])
def test_a_missing_name_is_null_absent_or_empty(provider: str) -> None:
    names = [
        row.get("lastName" if provider == "tether" else "last_name", "absent") for row in FAKES[provider]().store.rows
    ]
    assert {None, "", "absent"} <= set(names)


def test_wacr_phone_numbers_are_unique_per_tenant() -> None:
    phones = [row["phone"] for row in FAKES["wacr"]().store.rows if row["phone"]]
    assert len(phones) == len(set(phones))


def test_autokonnect_phone_numbers_are_digits_alone() -> None:
    phones = [row["phone_number"] for row in FAKES["autokonnect"]().store.rows if row.get("phone_number")]
    assert all(phone.isascii() and phone.isdigit() for phone in phones)


def test_tether_holds_contacts_in_no_stage_in_other_pipelines_and_under_an_old_stage_name() -> None:
    rows = FAKES["tether"]().store.rows
    pipelines = Counter(row.get("pipelineId") for row in rows)
    assert pipelines[None] > 10
    assert len(pipelines) == 3
    assert any(row["status"] == "Fresh Lead" for row in rows)
