"""Made-up contacts as plain dictionaries, and what a filter, a search and an order mean on them (DESIGN.md 4 and 5)."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

Person = dict[str, Any]

FIRST = [
    "Ann",
    "ann",
    "Åsa",
    "Ben",
    "Zoë",
    "Çelik",
    "José",
    "Mary Ann",
    "李",
    "Øystein",
    "O'Neil",
    None,
    "Straße",
    "bob",
]
LAST = [
    "Otieno",
    "otieno",
    "Baker",
    "Öz",
    "SSen",
    "Kamau",
    None,
    "van Dyk",
    "Núñez",
    "Кузнецов",
    "Zed",
    "adams",
    "Baker",
]
COMPANIES = ["Acme", None, "Blue & Co", "ACME Kenya"]
EPOCH = datetime(2025, 1, 1, tzinfo=UTC)
WITH_COMPANY = frozenset({"wacr"})


def made(source: str, number: int, rng: random.Random) -> Person:
    """Returns a contact of a source, which knows it by `number`. Many share a time or a name."""
    first, last = rng.choice(FIRST), rng.choice(LAST)
    created = EPOCH + timedelta(minutes=rng.randrange(400) * 10)
    email = None if rng.random() < 0.15 else f"p{number}.{rng.choice(['x', 'Y', 'z'])}@Example.com"
    return {
        "id": f"{number:024x}"
        if source == "tether"
        else f"cnt_{number:05}"
        if source == "askelephant"
        else str(number),
        "first": first,
        "last": last,
        "email": email,
        "phone": None if rng.random() < 0.3 else f"+2547{number:08}",
        "company": rng.choice(COMPANIES) if source in WITH_COMPANY else None,
        "created": created,
        "updated": created + timedelta(minutes=rng.randrange(50) * 7),
    }


def folded(text: str) -> str:
    """Returns the form in which texts compare: NFC and case folding."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


TEXTS: dict[str, Callable[[Person], str | None]] = {
    "firstName": lambda person: person["first"],
    "lastName": lambda person: person["last"],
    "email": lambda person: person["email"],
    "company": lambda person: person["company"],
    "displayName": lambda person: " ".join(filter(None, [person["first"], person["last"]])) or None,
}
DATES: dict[str, Callable[[Person], datetime]] = {
    "createdAt": lambda person: person["created"],
    "updatedAt": lambda person: person["updated"],
}


def holds(given: dict[str, Any], person: Person) -> bool:
    """Returns whether a contact meets a ContactFilter, given as GraphQL has it."""
    return all(_field_holds(name, value, person) for name, value in given.items())


def _field_holds(name: str, value: Any, person: Person) -> bool:
    if name == "and":
        return all(holds(each, person) for each in value)
    if name == "or":
        return any(holds(each, person) for each in value)
    if name == "not":
        return not holds(value, person)
    if name in DATES:
        found = DATES[name](person)
        return all(_compares(operator, found, instant(operand)) for operator, operand in value.items())
    text = TEXTS[name](person)
    return all(_text_holds(operator, operand, text) for operator, operand in value.items())


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _compares(operator: str, found: datetime, operand: datetime) -> bool:
    return {"gt": found > operand, "gte": found >= operand, "lt": found < operand, "lte": found <= operand}[operator]


def _text_holds(operator: str, operand: Any, text: str | None) -> bool:
    if operator == "isNull":
        return (text is None) is operand
    if text is None:
        return operator in ("ne", "notIn")
    value = folded(text)
    if operator in ("in", "notIn"):
        return (value in [folded(each) for each in operand]) is (operator == "in")
    wanted = folded(operand)
    return {
        "eq": value == wanted,
        "ne": value != wanted,
        "contains": wanted in value,
        "startsWith": value.startswith(wanted),
    }[operator]


def found_by(source: str, search: str, person: Person) -> bool:
    """Returns whether a source's own search finds a contact, by its API's page."""
    wanted = search.casefold()
    full = " ".join(filter(None, [person["first"], person["last"]]))
    looked_at = {
        "tether": [person["first"], person["last"], full, person["phone"]],
        "askelephant": [full, person["email"]],
        "wacr": [person["first"], person["last"], person["email"], person["phone"], person["company"]],
        "autokonnect": [person["first"], person["last"], person["email"], person["phone"]],
    }[source]
    return any(value is not None and wanted in value.casefold() for value in looked_at)


KEYS: dict[str, Callable[[Person], Any]] = {
    "CREATED_AT": lambda person: person["created"],
    "UPDATED_AT": lambda person: person["updated"],
    "FIRST_NAME": lambda person: None if person["first"] is None else folded(person["first"]),
    "LAST_NAME": lambda person: None if person["last"] is None else folded(person["last"]),
}


def in_order(before: Person, after: Person, orders: list[tuple[str, bool]]) -> bool:
    """Returns whether `after` may stand behind `before`; a missing value comes last in both directions."""
    for field, descending in orders:
        left, right = KEYS[field](before), KEYS[field](after)
        if left == right:
            continue
        if left is None or right is None:
            return right is None
        return bool(left > right if descending else left < right)
    return True
