"""AutoKonnect's made-up contacts and tags."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from providers.fake_kit.made_up.people import Sighting
from providers.fake_kit.made_up.wording import Missing, milliseconds, put
from providers.fake_kit.store import Row

_WAYS: tuple[Missing, ...] = ("null", "absent", "empty")

TAGS: tuple[Row, ...] = tuple(
    {
        "id": str(number),
        "name": name,
        "color": color,
        "created_at": milliseconds(datetime(2024, 1, 2, 9, tzinfo=UTC) + timedelta(days=number)),
    }
    for number, name, color in (
        (42, "VIP", "#1156d6"),
        (57, "Lead", "#e63946"),
        (58, "Leads 2025", "#e63946"),
        (61, "vip", "#ffb703"),  # a name that differs in case only: tags are told apart by id
        (63, "Café", "#8338ec"),
        (64, "عميل", "#2a9d8f"),
        (70, "Mama's kitchen", "#f4a261"),
        (71, "客户", "#264653"),
        (88, "Repeat", "#06a77d"),
        (90, "Repeat", "#3a86ff"),
        (101, "No calls", "#6c757d"),
        (102, "Unused", "#adb5bd"),
    )
)


def contact_rows(sightings: Sequence[Sighting], seed: int) -> list[Row]:
    """Returns contacts in the form of GET /api/v1/contacts; phone numbers are digits without `+`."""
    rng = random.Random(f"{seed}:autokonnect rows")
    rows: list[Row] = []
    native_id = 1_234_567_000
    for sighting in sightings:
        native_id += rng.randrange(1, 9)
        rows.append(_contact(str(native_id), sighting, rng))
    return rows


def _contact(native_id: str, sighting: Sighting, rng: random.Random) -> Row:
    row: Row = {"id": native_id}
    put(row, "first_name", sighting.first_name, rng, _WAYS)
    put(row, "last_name", sighting.last_name, rng, _WAYS)
    put(row, "email", sighting.emails[0] if sighting.emails else None, rng, _WAYS)
    digits = "".join(filter(str.isdigit, sighting.phones[0])) if sighting.phones else None
    put(row, "phone_number", digits, rng, _WAYS)
    row["phone_number_lid"] = str(rng.randrange(10**14, 10**15)) if rng.random() < 0.2 else None
    picture = f"https://cdn.example.com/avatars/{native_id}.jpg" if rng.random() < 0.5 else None
    put(row, "profile_picture", picture, rng, ("null", "absent"))
    row["created_at"] = milliseconds(sighting.created_at)
    row["updated_at"] = milliseconds(sighting.updated_at)
    tags = rng.sample(TAGS[:-1], rng.choice((0, 0, 1, 1, 2, 3)))
    row["tags"] = [{name: tag[name] for name in ("id", "name", "color")} for tag in tags]
    return row
