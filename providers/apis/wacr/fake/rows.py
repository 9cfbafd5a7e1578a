"""WA.cr's made-up contacts, groups, sources and statuses."""

from __future__ import annotations

import random
from collections.abc import Sequence

from providers.fake_kit.made_up.people import Sighting
from providers.fake_kit.made_up.wording import Missing, put, whole_seconds
from providers.fake_kit.store import Row

TENANT_ID = 7
_WAYS: tuple[Missing, ...] = ("null", "empty")

STATUSES: tuple[Row, ...] = (
    {"id": 1, "name": "New", "color": "#1156d6"},
    {"id": 2, "name": "In progress", "color": "#f4a261"},
    {"id": 3, "name": "Customer", "color": "#06a77d"},
    {"id": 4, "name": "Lost", "color": "#e63946"},
)
SOURCES: tuple[Row, ...] = (
    {"id": 1, "name": "WhatsApp", "color": "#25d366"},
    {"id": 2, "name": "Website", "color": "#3a86ff"},
    {"id": 3, "name": "Import", "color": "#6c757d"},
    {"id": 4, "name": "Facebook Ads", "color": "#8338ec"},
)


def _group(number: int, name: str, color: str) -> Row:
    moment = f"2024-02-{number:02d}T09:00:00.000000Z"
    return {"id": number, "name": name, "color": color, "created_at": moment, "updated_at": moment}


GROUPS = tuple(
    _group(number, name, color)
    for number, (name, color) in enumerate(
        (
            ("VIP", "#ffb703"),
            ("Newsletter", "#219ebc"),
            ("Wholesale", "#8ecae6"),
            ("Événements", "#fb8500"),
            ("رمضان", "#023047"),
            ("Nairobi", "#06a77d"),
            ("Trial", "#e63946"),
            ("Partners", "#264653"),
            ("Vip old", "#6c757d"),
            ("Staff", "#2a9d8f"),
            ("Retail", "#e9c46a"),
            ("Churned", "#adb5bd"),
        ),
        start=1,
    )
)


def contact_rows(sightings: Sequence[Sighting], seed: int) -> list[Row]:
    """Returns contacts in the form of GET /v2/contacts, `email` included and without relations."""
    rng = random.Random(f"{seed}:wacr rows")
    taken: set[str] = set()
    rows: list[Row] = []
    native_id = 1000
    for sighting in sightings:
        native_id += rng.choice((1, 1, 1, 2, 5))
        phone = next((number for number in sighting.phones if number not in taken), None)
        if phone is not None:  # trap 9: unique per tenant
            taken.add(phone)
        rows.append(_contact(native_id, phone, sighting, rng))
    return rows


def _contact(native_id: int, phone: str | None, sighting: Sighting, rng: random.Random) -> Row:
    row: Row = {"id": native_id, "tenant_id": TENANT_ID}
    put(row, "firstname", sighting.first_name, rng, ("empty", "empty", "null"))
    put(row, "lastname", sighting.last_name, rng, ("empty", "empty", "null"))
    put(row, "company", sighting.company, rng, _WAYS)
    row["type"] = rng.choices(("lead", "customer", "guest"), (5, 3, 1))[0]
    put(row, "email", sighting.emails[0] if sighting.emails else None, rng, _WAYS)
    row["phone"] = phone
    row["status_id"] = rng.choice(STATUSES)["id"]
    row["source_id"] = rng.choice(SOURCES)["id"]
    put(row, "description", rng.choice((None, None, "Asked for a quote", "返信待ち")), rng, _WAYS)
    city, state, code = rng.choice((("Nairobi", None, "00100"), ("New York", "NY", "10001"), ("Köln", "NRW", "50667")))
    known = rng.random() < 0.6
    put(row, "city", city if known else None, rng, _WAYS)
    put(row, "state", state if known else None, rng, _WAYS)
    put(row, "zip", code if known else None, rng, _WAYS)
    put(row, "address", f"{native_id} Main Street" if known and rng.random() < 0.5 else None, rng, _WAYS)
    row["country_id"] = rng.choice((113, 223, 82)) if known else None
    row["assigned_id"] = rng.choice((1, 2, 3, 4, 5)) if rng.random() < 0.6 else None
    row["group_id"] = sorted(rng.sample([group["id"] for group in GROUPS], rng.choice((0, 0, 1, 1, 2, 4))))
    row["is_opted_out"] = rng.random() < 0.06
    row["created_at"] = whole_seconds(sighting.created_at)
    row["updated_at"] = whole_seconds(sighting.updated_at)
    return row
