"""AskElephant's made-up contacts (trap 10): several fields appear only when present."""

from __future__ import annotations

import random
from collections.abc import Sequence

from providers.fake_kit.made_up.people import Sighting
from providers.fake_kit.made_up.wording import Missing, contact_id, milliseconds, put
from providers.fake_kit.store import Row

_WAYS: tuple[Missing, ...] = ("null", "absent", "empty")


def contact_rows(sightings: Sequence[Sighting], seed: int) -> list[Row]:
    """Returns contacts in the form of GET /v2/contacts."""
    rng = random.Random(f"{seed}:askelephant rows")
    return [_contact(number, sighting, rng) for number, sighting in enumerate(sightings)]


def _contact(number: int, sighting: Sighting, rng: random.Random) -> Row:
    row: Row = {
        "object": "contact",
        "id": contact_id(rng),
        "created_at": milliseconds(sighting.created_at),
        "updated_at": milliseconds(sighting.updated_at),
    }
    put(row, "first_name", sighting.first_name, rng, _WAYS)
    put(row, "last_name", sighting.last_name, rng, _WAYS)
    put(
        row,
        "description",
        rng.choice((None, None, "Met at the fair", "Prefers calls — à midi")),
        rng,
        ("null", "absent"),
    )
    primary = rng.choice((0, 0, 0, 1, -1))
    if sighting.emails or rng.random() < 0.5:
        row["emails"] = [
            {"email": email, "is_primary": index == primary} for index, email in enumerate(sighting.emails)
        ]
    if sighting.phones or rng.random() < 0.5:
        row["phone_numbers"] = [
            {"phone_number": phone, "is_primary": index == primary} for index, phone in enumerate(sighting.phones)
        ]
    if sighting.company is not None:
        row["company"] = {"object": "company", "id": f"cmp_{sum(sighting.company.encode()):08d}"}
    if rng.random() < 0.4:
        row["crm_association"] = {"id": str(70_000 + number // 2), "object_type": "contact", "source": "hubspot"}
    if rng.random() < 0.5:
        row["time_zone"] = rng.choice(("Africa/Nairobi", "America/New_York", "Europe/Berlin", "Asia/Tokyo"))
    if rng.random() < 0.1:  # the deprecated siblings of `emails` and `phone_numbers`
        row["email"] = sighting.emails[0] if sighting.emails else None
        row["phone_number"] = sighting.phones[0] if sighting.phones else None
    return row
