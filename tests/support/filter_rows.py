"""Contacts in each API's own wire form on which filters can go wrong: missing values, case, accents, spellings, ties.

What is not said here is drawn, the same every time.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from providers.apis.fakes import FAKES
from providers.apis.tether.fake.rows import PIPELINES, USERS

Row = dict[str, Any]

REGION = "KE"
NAMES = [
    None,
    "",
    "Ana",
    "ana",
    "ANA",
    "Ána",
    "A\u0301na",
    "Zoë",
    "zoe",
    "Straße",
    "STRASSE",
    "ss",
    "李",
    "مريم",
    "Ж",
    "ж",
]
EMAILS = [None, "", "ana@example.com", "Ana@Example.com", "zoë@example.org", "lee@example.net"]
COMPANIES = [None, "", "Acme", "ACME ltd", "Čapek"]
# Each spelling with its E.164 form in Kenya; None: it is no number there, and compares as text.
PHONES: dict[str, str | None] = {
    "+254712345678": "+254712345678",
    "+254 712 345 678": "+254712345678",
    "0712345678": "+254712345678",
    "254712345678": "+254712345678",
    "00254712345678": "+254712345678",
    "+1-212-555-0100": "+12125550100",
    "12125550100": "+12125550100",
    "+44 7700 900123": "+447700900123",
    "07700900123": None,
    "ask Ana": None,
    "ASK ANA": None,
    "12": None,
}
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
# Seconds after START, so near to each other that a widened range takes in neighbours; several contacts share each.
MOMENTS = [0, 1, 1.5, 2, 3, 60, 86_400]
USER_IDS = [user["_id"] for user in USERS[:3]]
STAGES = [stage for pipeline in PIPELINES[:2] for stage in pipeline["pipelineStages"][:3]]
TAGS = [("42", "VIP"), ("61", "vip"), ("64", "عميل"), ("42b", "Café"), ("90", "42")]


def instant(seconds: float) -> datetime:
    """Returns one of the instants that contacts are drawn from."""
    return START + timedelta(seconds=seconds)


def filter_rows(provider: str, count: int = 36, seed: int = 0) -> list[Row]:
    """Returns contacts of one provider: difficult ones, or its fake's own where none are written here."""
    if provider not in _FORMS:
        return FAKES[provider](count).store.rows
    rng = random.Random(f"{provider}:{seed}")
    return [_FORMS[provider](number, rng) for number in range(count)]


def _text(seconds: float) -> str:
    return instant(seconds).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _missing_or(value: Any, rng: random.Random, row: Row, name: str) -> None:
    """An empty draw is written as null, as an empty text, or not at all."""
    if value not in (None, "") or rng.random() < 0.66:
        row[name] = value


def _tether(number: int, rng: random.Random) -> Row:
    row: Row = {"_id": f"{rng.getrandbits(96):024x}"}
    _missing_or(rng.choice(NAMES), rng, row, "firstName")
    _missing_or(rng.choice(NAMES), rng, row, "lastName")
    _missing_or(rng.choice([None, *PHONES]), rng, row, "phoneNumber")
    _missing_or(rng.choice(EMAILS), rng, row, "email")
    stage = rng.choice([None, *STAGES])
    if stage is not None:
        renamed = rng.random() < 0.3
        row |= {"pipelineStage": stage["_id"], "status": "Old name" if renamed else stage["name"]}
        row["pipelineId"] = next(each["_id"] for each in PIPELINES if stage in each["pipelineStages"])
    row["userId"] = rng.choice([None, *USER_IDS])
    row["createdBy"] = rng.choice([None, *USER_IDS])
    row["assignees"] = rng.sample(USER_IDS, rng.randrange(3))
    row["createdAt"] = _text(rng.choice(MOMENTS)) if rng.random() < 0.9 else None
    row["updatedAt"] = _text(rng.choice(MOMENTS)) if rng.random() < 0.9 else None
    row["source"] = rng.choice([None, "website", "import"])
    row["leadSource"] = rng.choice([None, "Referral", "Walk-in"])
    row["isBulkSms"] = rng.random() < 0.3
    row["lastMessageTime"] = rng.choice([None, "2026-11-20T23:30:00.000Z", "2026-11-19T00:00:00.000Z"])
    row["customFields"] = rng.choice([{}, {"city": "Nairobi", "budget": 500}, {"city": "Zürich", "budget": 5000}])
    return row


def _askelephant(number: int, rng: random.Random) -> Row:
    row: Row = {"object": "contact", "id": f"cnt_{rng.getrandbits(80):020x}"}
    _missing_or(rng.choice(NAMES), rng, row, "first_name")
    _missing_or(rng.choice(NAMES), rng, row, "last_name")
    emails = rng.sample(EMAILS, rng.randrange(4))
    phones = rng.sample([None, *PHONES], rng.randrange(3))
    row["emails"] = [{"email": email, "is_primary": index == 1} for index, email in enumerate(emails)]
    row["phone_numbers"] = [{"phone_number": phone, "is_primary": False} for phone in phones]
    row["created_at"] = _text(rng.choice(MOMENTS)) if rng.random() < 0.9 else None
    row["updated_at"] = _text(rng.choice(MOMENTS))
    if rng.random() < 0.5:
        row["crm_association"] = {"id": str(70 + rng.randrange(4)), "object_type": "contact"}
    return row


def _wacr(number: int, rng: random.Random) -> Row:
    taken = [*PHONES][number] if number < len(PHONES) else None
    return {
        "id": 100 + 3 * number,
        "tenant_id": 7,
        "firstname": rng.choice(NAMES),
        "lastname": rng.choice(NAMES),
        "company": rng.choice(COMPANIES),
        "type": rng.choice(["lead", "customer", "guest"]),
        "email": rng.choice(EMAILS),
        "phone": taken,
        "status_id": rng.choice([1, 2, 3, 4]),
        "source_id": rng.choice([1, 2, 3]),
        "assigned_id": rng.choice([None, 1, 2, 12]),
        "group_id": rng.choice([[], [1], [1, 11], [11], [2, 5]]),
        "is_opted_out": False,
        "created_at": _text(rng.choice(MOMENTS)),
        "updated_at": _text(rng.choice(MOMENTS)),
    }


def _autokonnect(number: int, rng: random.Random) -> Row:
    row: Row = {"id": str(1_000 + number)}
    _missing_or(rng.choice(NAMES), rng, row, "first_name")
    _missing_or(rng.choice(NAMES), rng, row, "last_name")
    _missing_or(rng.choice(EMAILS), rng, row, "email")
    _missing_or(rng.choice([None, *PHONES]), rng, row, "phone_number")
    row["created_at"] = _text(rng.choice(MOMENTS)) if rng.random() < 0.9 else None
    row["updated_at"] = _text(rng.choice(MOMENTS)) if rng.random() < 0.9 else None
    tags = rng.sample(TAGS, rng.randrange(3))
    row["tags"] = [{"id": tag_id, "name": name, "color": "#000000"} for tag_id, name in tags]
    return row


_FORMS: dict[str, Callable[[int, random.Random], Row]] = {
    "tether": _tether,
    "askelephant": _askelephant,
    "wacr": _wacr,
    "autokonnect": _autokonnect,
}
