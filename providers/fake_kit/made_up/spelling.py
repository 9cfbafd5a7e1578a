"""How the same name, e-mail address and phone number come out differently in another system."""

from __future__ import annotations

import random
import unicodedata
from dataclasses import dataclass
from typing import Literal

from providers.fake_kit.made_up.names import Name

PhoneStyle = Literal["e164", "spaced", "dashed", "digits", "local"]


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone number: country code, area (or mobile prefix) and subscriber digits. `local` has no country."""

    country: str
    area: str
    subscriber: str

    @property
    def e164(self) -> str:
        """The number as +country, area, subscriber."""
        return f"+{self.country}{self.area}{self.subscriber}"


def write_phone(phone: Phone, style: PhoneStyle) -> str:
    """Returns the number in one of the ways people write it; `local` is the national form, Kenya's with its zero."""
    head, tail = phone.subscriber[:3], phone.subscriber[3:]
    if style == "e164":
        return phone.e164
    if style == "spaced":
        return f"+{phone.country} {phone.area} {head} {tail}"
    if style == "dashed":
        return f"+{phone.country}-{phone.area}-{head}-{tail}"
    if style == "digits":
        return phone.e164[1:]
    return f"({phone.area}) {head}-{tail}" if phone.country == "1" else f"0{phone.area}{phone.subscriber}"


def write_name(name: Name, rng: random.Random) -> str:
    """Returns the name as written, mostly; else without its accents, in other letter case, decomposed, or in Latin."""
    draw = rng.random()
    if draw < 0.64:
        return name.written
    if draw < 0.72:
        return without_accents(name.written)
    if draw < 0.79:
        return name.written.upper()
    if draw < 0.86:
        return name.written.lower()
    if draw < 0.92:
        return unicodedata.normalize("NFD", name.written)
    return name.latin


def write_email(email: str, rng: random.Random) -> str:
    """Returns the address as it is, mostly; else in other letter case or with a blank somebody pasted."""
    draw = rng.random()
    if draw < 0.6:
        return email
    if draw < 0.75:
        return email.upper()
    if draw < 0.95:
        local, _, domain = email.partition("@")
        return f"{local.title()}@{domain.capitalize()}"
    return f" {email}"


def without_accents(written: str) -> str:
    """Returns the text with its combining marks dropped, where its letters have such."""
    decomposed = unicodedata.normalize("NFD", written)
    bare = "".join(char for char in decomposed if not unicodedata.combining(char))
    return unicodedata.normalize("NFC", bare)
