"""Made-up people, and how each of the four sources happens to have written them down.

Everything follows from the seed: the same seed and sizes give the same people on every machine. E-mail addresses
are under example.com, .org and .net; phone numbers in Kenya's mobile range or in ranges reserved for fiction.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from providers.fake_kit.made_up.names import COMPANIES, CULTURES, Name
from providers.fake_kit.made_up.spelling import Phone, PhoneStyle, write_email, write_name, write_phone
from providers.fake_kit.switches import DEMO_NOW

SourceKind = Literal["tether", "askelephant", "wacr", "autokonnect"]

DEFAULT_SEED = 2026
FIRST_DAY = datetime(2024, 1, 1, tzinfo=UTC)
_MILLISECONDS = int((DEMO_NOW - FIRST_DAY - timedelta(days=1)) / timedelta(milliseconds=1))

_PHONE_STYLES: dict[SourceKind, tuple[tuple[PhoneStyle, ...], tuple[int, ...]]] = {
    "tether": (("e164", "spaced", "digits", "local"), (70, 12, 10, 8)),
    "askelephant": (("dashed", "e164", "spaced", "local"), (55, 20, 15, 10)),
    "wacr": (("e164", "digits", "spaced", "local"), (35, 35, 15, 15)),
    "autokonnect": (("digits", "local"), (92, 8)),
}
_US_AREAS = ("212", "303", "312", "404", "415", "512", "617", "702", "808", "907")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may be known to several sources."""

    number: int
    first_name: Name | None
    last_name: Name | None
    emails: tuple[str, ...]
    phones: tuple[Phone, ...]
    company: str | None
    first_seen: datetime


@dataclass(frozen=True, slots=True)
class Sighting:
    """A person as one source wrote them down; None is what that source does not know."""

    person: int
    first_name: str | None
    last_name: str | None
    emails: tuple[str, ...]
    phones: tuple[str, ...]
    company: str | None
    created_at: datetime
    updated_at: datetime


def people(count: int, seed: int = DEFAULT_SEED) -> list[Person]:
    """Returns so many made-up people; the first ones are the same whatever the count."""
    rng = random.Random(f"{seed}:people")
    weights = [culture.weight for culture in CULTURES]
    return [_person(number, rng, weights) for number in range(count)]


def sightings(source: SourceKind, size: int, known: list[Person], seed: int = DEFAULT_SEED) -> list[Sighting]:
    """Returns `size` records of one source, drawn from the people it may know; some of them are there twice.

    Raises ValueError when there are fewer people than records.
    """
    rng = random.Random(f"{seed}:{source}")
    once = size - size // 40
    drawn = rng.sample(known, once)
    drawn += [rng.choice(drawn) for _ in range(size - once)]
    imports = _import_moments(size, seed)
    written: list[Sighting] = []
    while len(written) < size:
        imported = rng.random() < 0.012
        batch = drawn[len(written) : len(written) + rng.randint(24, 60)] if imported else [drawn[len(written)]]
        moment = rng.choice(imports) if imported else None
        written += [_sighting(person, source, moment, rng) for person in batch]
    rng.shuffle(written)
    return written


def _import_moments(size: int, seed: int) -> list[datetime]:
    """Returns the moments of bulk imports, the same for all sources: ties inside a source and across them."""
    rng = random.Random(f"{seed}:imports")
    return [
        (FIRST_DAY + timedelta(milliseconds=rng.randrange(_MILLISECONDS))).replace(microsecond=0)
        for _ in range(max(3, size // 200))
    ]


def _person(number: int, rng: random.Random, weights: list[int]) -> Person:
    culture = rng.choices(CULTURES, weights)[0]
    first, last = rng.choice(culture.given), rng.choice(culture.family)
    namelessness = rng.random()
    handle = f"{first.latin}.{last.latin}".lower().replace("'", "").replace(" ", "")
    domain = rng.choice(("com", "com", "org", "net"))
    emails: tuple[str, ...] = (f"{handle}{number}@example.{domain}",) if rng.random() < 0.88 else ()
    if emails and rng.random() < 0.2:
        emails += (f"{first.latin.lower()}{number}@example.{rng.choice(('org', 'net'))}",)
    phones: tuple[Phone, ...] = (_phone(number, rng),) if rng.random() < 0.9 else ()
    if phones and rng.random() < 0.1:
        phones += (Phone("254", "711", f"{number % 1_000_000:06d}"),)
    return Person(
        number=number,
        first_name=None if namelessness < 0.05 else first,
        last_name=None if namelessness < 0.02 or namelessness > 0.92 else last,
        emails=emails,
        phones=phones,
        company=rng.choice(COMPANIES) if rng.random() < 0.6 else None,
        first_seen=FIRST_DAY + timedelta(milliseconds=rng.randrange(_MILLISECONDS)),
    )


def _phone(number: int, rng: random.Random) -> Phone:
    draw = rng.random()
    if draw < 0.03:  # a number that families and offices share
        return Phone("254", "700", "000100")
    if draw < 0.12:
        return Phone("1", rng.choice(_US_AREAS), f"55501{number % 100:02d}")
    if draw < 0.2:
        return Phone("44", "7700", f"900{number % 1000:03d}")
    return Phone("254", rng.choice(("712", "722", "733")), f"{number % 1_000_000:06d}")


def _sighting(person: Person, source: SourceKind, imported: datetime | None, rng: random.Random) -> Sighting:
    created = imported or _later(person.first_seen, rng)
    untouched = imported is not None or rng.random() < 0.2
    styles, weights = _PHONE_STYLES[source]
    # A record rarely knows everything, else the sources would differ in spelling only.
    emails = person.emails if rng.random() < 0.93 else ()
    phones = person.phones if rng.random() < 0.93 else ()
    return Sighting(
        person=person.number,
        first_name=None if person.first_name is None else write_name(person.first_name, rng),
        last_name=None if person.last_name is None else write_name(person.last_name, rng),
        emails=tuple(write_email(email, rng) for email in emails),
        phones=tuple(write_phone(phone, rng.choices(styles, weights)[0]) for phone in phones),
        company=person.company,
        created_at=created,
        updated_at=created if untouched else _later(created, rng),
    )


def _later(moment: datetime, rng: random.Random) -> datetime:
    """Returns a moment after the given one and before the data ends, to the millisecond."""
    left = int((DEMO_NOW - moment) / timedelta(milliseconds=1))
    return moment + timedelta(milliseconds=rng.randrange(max(1, min(left, 90 * 86_400_000))))


@dataclass(frozen=True, slots=True)
class DemoPeople:
    """What each source knows: a few thousand records of people who partly occur in several sources."""

    tether: tuple[Sighting, ...]
    askelephant: tuple[Sighting, ...]
    wacr: tuple[Sighting, ...]
    autokonnect: tuple[Sighting, ...]

    def of(self, source: SourceKind) -> tuple[Sighting, ...]:
        """Returns the records of one source."""
        found: tuple[Sighting, ...] = getattr(self, source)
        return found


def demo_people(
    tether: int = 1200, askelephant: int = 900, wacr: int = 1100, autokonnect: int = 800, *, seed: int = DEFAULT_SEED
) -> DemoPeople:
    """Returns made-up records of the given numbers for the four sources."""
    sizes = (tether, askelephant, wacr, autokonnect)
    known = people(max(max(sizes), sum(sizes) * 7 // 10), seed)
    return DemoPeople(
        tether=tuple(sightings("tether", tether, known, seed)),
        askelephant=tuple(sightings("askelephant", askelephant, known, seed)),
        wacr=tuple(sightings("wacr", wacr, known, seed)),
        autokonnect=tuple(sightings("autokonnect", autokonnect, known, seed)),
    )


def records_of(source: SourceKind, known: DemoPeople | int | None) -> tuple[Sighting, ...]:
    """Returns a source's records: from the given people, so many of its own, or the default number of its own."""
    if isinstance(known, DemoPeople):
        return known.of(source)
    if known is None:
        return demo_people().of(source)
    sizes: dict[SourceKind, int] = {"tether": 0, "askelephant": 0, "wacr": 0, "autokonnect": 0}
    sizes[source] = known
    return demo_people(**sizes).of(source)
