"""Contacts in each API's own wire form, made to be difficult: ties, missing values, mixed alphabets and case.

Unlike the demo's people these are drawn so densely that almost every sort key is shared with others.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

Row = dict[str, Any]

NAMES = [None, "", "Ana", "ana", "ANA", "Ána", "Zoë", "zoe", "Ōta", "Öz", "ß", "ss", "李", "مريم", "Ж", "ж", "z", "é"]
FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)
STAGES = ["New Lead", "Contacted", "Qualified"]


def instant(number: int) -> str:
    """Returns one of a row of instants, hours apart; equal numbers are ties."""
    return (FIRST_DAY + timedelta(hours=number)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _tether(number: int, rng: random.Random, row: Row) -> Row:
    return {
        "_id": f"{rng.getrandbits(96):024x}",
        "firstName": row["first"],
        "lastName": row["last"],
        "phoneNumber": row["phone"],
        "email": row["email"],
        "status": rng.choice(STAGES),
        "createdAt": row["created"],
        "updatedAt": row["updated"],
        "assignees": [],
    }


def _askelephant(number: int, rng: random.Random, row: Row) -> Row:
    return {
        "object": "contact",
        "id": f"cnt_{rng.getrandbits(80):020x}",
        "created_at": row["created"],
        "updated_at": row["updated"],
        "first_name": row["first"],
        "last_name": row["last"],
        "emails": [{"email": row["email"], "is_primary": True}] if row["email"] else [],
        "phone_numbers": [{"phone_number": row["phone"], "is_primary": True}],
    }


def _wacr(number: int, rng: random.Random, row: Row) -> Row:
    return {
        "id": 5_000 + number * 3,
        "tenant_id": 7,
        "firstname": row["first"],
        "lastname": row["last"],
        "company": rng.choice(["", None, "Acme"]),
        "type": rng.choice(["lead", "customer"]),
        "email": row["email"],
        "phone": row["phone"],
        "status_id": 1,
        "source_id": 1,
        "group_id": [],
        "is_opted_out": False,
        "created_at": row["created"],
        "updated_at": row["updated"],
    }


def _autokonnect(number: int, rng: random.Random, row: Row) -> Row:
    return {
        "id": str(rng.randrange(10**9, 10**10)),
        "first_name": row["first"],
        "last_name": row["last"],
        "email": row["email"],
        "phone_number": row["phone"].lstrip("+"),
        "created_at": row["created"],
        "updated_at": row["updated"],
        "tags": [],
    }


_FORMS: dict[str, Callable[[int, random.Random, Row], Row]] = {
    "tether": _tether,
    "askelephant": _askelephant,
    "wacr": _wacr,
    "autokonnect": _autokonnect,
}


def made_rows(provider: str, count: int, seed: int = 0, *, instants: int = 6, start: int = 0) -> list[Row]:
    """Returns `count` rows whose dates are drawn from so many instants; numbered from `start`."""
    rng = random.Random(f"{provider}:{seed}:{start}")
    rows: list[Row] = []
    for number in range(start, start + count):
        created = rng.randrange(instants)
        rows.append(
            _FORMS[provider](
                number,
                rng,
                {
                    "first": rng.choice(NAMES),
                    "last": rng.choice(NAMES),
                    "phone": f"+25471{number:07d}",
                    "email": rng.choice([None, f"jane{number}@example.com", f"Lee{number}@Example.com"]),
                    "created": instant(created),
                    "updated": instant(created + rng.randrange(instants)),
                },
            )
        )
    return rows
