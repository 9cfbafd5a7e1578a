"""Tether's made-up rows: contacts, applications, pipelines with their stages, and users."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from providers.fake_kit.made_up.people import Sighting
from providers.fake_kit.made_up.wording import Missing, hex_id, milliseconds, put
from providers.fake_kit.store import Row
from providers.fake_kit.switches import DEMO_NOW


def object_id(name: str) -> str:
    """Returns the 24 hex digits that stand for a name, the same everywhere."""
    return hashlib.sha256(f"tether:{name}".encode()).hexdigest()[:24]


ORGANIZATION_ID = object_id("organization")


def pipeline(name: str, kind: str, active: bool, *stages: tuple[str, str]) -> Row:
    """Returns a pipeline as GET /api/pipelines gives it; `stages` are names and colours in their order."""
    return {
        "_id": object_id(name),
        "name": name,
        "type": kind,
        "isActive": active,
        "pipelineStages": [
            {"_id": object_id(f"{name}/{stage}"), "name": stage, "color": color, "position": position}
            for position, (stage, color) in enumerate(stages)
        ],
    }


PIPELINES = (
    pipeline(
        "Sales",
        "Contact",
        True,
        ("New Lead", "#1156d6"),
        ("Contacted", "#3a86ff"),
        ("Qualified", "#2a9d8f"),
        ("Meeting Booked", "#f4a261"),
        ("Proposal Sent", "#8338ec"),
        ("Won", "#06a77d"),
        ("Lost", "#e63946"),
        ("On Hold", "#264653"),
    ),
    pipeline("Partners", "Contact", False, ("New Lead", "#ff006e"), ("Signed", "#06a77d"), ("Dormant", "#6c757d")),
    pipeline(
        "Applications", "Application", True, ("Received", "#1156d6"), ("Interview", "#f4a261"), ("Hired", "#06a77d")
    ),
)


def _user(name: str, team: str) -> Row:
    first, _, last = name.partition(" ")
    return {
        "_id": object_id(f"user/{name}"),
        "firstName": first,
        "lastName": last,
        "fullName": name,
        "email": f"{first}.{last}@example.com".lower(),
        "team": team,
    }


USERS = (
    _user("Amina Hassan", "north"),
    _user("Brian Kibet", "north"),
    _user("Chloé Martin", "north"),
    _user("Daniel Mwenda", "south"),
    _user("Esther Wairimu", "south"),
    _user("Faith Chebet", "south"),
)
"""The first one is the caller, unless the fake is told otherwise."""

_SALES, _PARTNERS, _APPLICATIONS = PIPELINES
_STAGE_WEIGHTS = (30, 18, 14, 8, 8, 12, 7, 3)
_WAYS: tuple[Missing, ...] = ("null", "absent", "empty")


def contact_rows(sightings: Sequence[Sighting], seed: int) -> list[Row]:
    """Returns contacts in the form of GET /api/contacts: `createdBy` and `assignees` hold ids."""
    rng = random.Random(f"{seed}:tether rows")
    return [_contact(sighting, rng) for sighting in sightings]


def application_rows(count: int, seed: int) -> list[Row]:
    """Returns rows of the other pipeline type, which only the stage buckets show."""
    rng = random.Random(f"{seed}:tether applications")
    rows: list[Row] = []
    for number in range(count):
        stage = rng.choice(_APPLICATIONS["pipelineStages"])
        moment = milliseconds(DEMO_NOW - timedelta(days=1 + number, hours=rng.randrange(24)))
        rows.append(
            {
                "_id": hex_id(rng),
                "firstName": "Applicant",
                "lastName": str(number + 1),
                "phoneNumber": f"+254733{900_000 + number}",
                "status": stage["name"],
                "pipelineId": _APPLICATIONS["_id"],
                "pipelineStage": stage["_id"],
                "organizationId": ORGANIZATION_ID,
                "userId": rng.choice(USERS)["_id"],
                "createdAt": moment,
                "updatedAt": moment,
            }
        )
    return rows


def _contact(sighting: Sighting, rng: random.Random) -> Row:
    row: Row = {"_id": hex_id(rng)}
    put(row, "firstName", sighting.first_name, rng, _WAYS)
    put(row, "lastName", sighting.last_name, rng, _WAYS)
    put(row, "phoneNumber", sighting.phones[0] if sighting.phones else None, rng, _WAYS)
    put(row, "email", sighting.emails[0] if sighting.emails else None, rng, _WAYS)
    _place(row, rng)
    row["organizationId"] = ORGANIZATION_ID
    _people(row, rng)
    row["createdAt"] = milliseconds(sighting.created_at)
    row["updatedAt"] = milliseconds(sighting.updated_at)
    _extras(row, sighting, rng)
    return row


def _place(row: Row, rng: random.Random) -> None:
    """Puts a contact into a stage: mostly of the active pipeline; some are elsewhere, in none, or carry an old name."""
    draw = rng.random()
    if draw < 0.05:
        row["status"] = None
        return
    home = _PARTNERS if draw < 0.12 else _SALES
    stages: list[dict[str, Any]] = home["pipelineStages"]
    stage = rng.choices(stages, _STAGE_WEIGHTS[: len(stages)])[0]
    # Trap 6: a renamed stage leaves its old name on the contacts, the stage's id stays true.
    row["status"] = "Fresh Lead" if stage["name"] == "New Lead" and rng.random() < 0.1 else stage["name"]
    row["pipelineId"] = home["_id"]
    row["pipelineStage"] = stage["_id"]


def _people(row: Row, rng: random.Random) -> None:
    ids = [user["_id"] for user in USERS]
    put(row, "userId", rng.choice(ids) if rng.random() < 0.8 else None, rng, ("null", "absent"))
    put(row, "createdBy", rng.choice(ids) if rng.random() < 0.9 else None, rng, ("null", "absent"))
    row["assignees"] = rng.sample(ids, rng.choice((0, 1, 1, 1, 2, 3)))


def _extras(row: Row, sighting: Sighting, rng: random.Random) -> None:
    """Adds what trap 7 lists, and the custom fields that customFilters looks into."""
    row["isBulkSms"] = sighting.created_at == sighting.updated_at and rng.random() < 0.6
    if rng.random() < 0.7:
        row["isAutopilot"] = rng.random() < 0.3
    if rng.random() < 0.8:
        row["source"] = rng.choice(("website", "whatsapp", "import", "manual"))
    if rng.random() < 0.5:
        row["leadSource"] = rng.choice(("Facebook", "Referral", "Walk-in", "Google Ads"))
    if rng.random() < 0.3:
        row["process"] = rng.choice(("inbound", "outbound"))
    row["channelTypes"] = rng.sample(("whatsapp", "sms", "email", "messenger"), rng.randrange(3))
    if rng.random() < 0.1:
        row["files"] = [{"name": "offer.pdf", "size": rng.randrange(1000, 90_000)}]
    if rng.random() < 0.4:
        city = rng.choice(("Nairobi", "Mombasa", "Kisumu", "Zürich", "القاهرة"))
        row["customFields"] = {"city": city, "budget": rng.choice((500, 5000, 50_000))}
    if rng.random() < 0.55:
        sent = milliseconds(DEMO_NOW - timedelta(minutes=rng.choice((30, 300, 2000, 20_000)) + rng.randrange(30)))
        row["lastMessageTime"] = sent
        row["latestMessage"] = {
            "_id": hex_id(rng),
            "text": rng.choice(("Hello", "Asante!", "شكرا", "When can we talk?")),
            "direction": rng.choice(("inbound", "outbound")),
            "assignee": rng.choice(USERS)["_id"],
            "createdAt": sent,
        }
    else:
        row["lastMessageTime"] = None
