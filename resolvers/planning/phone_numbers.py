"""Phone numbers in one form, so that different spellings compare equal (DESIGN.md 4 and 9)."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

import phonenumbers

from providers.spi.record import ContactRecord

_GROUPS = re.compile(r"\d+")


@lru_cache(maxsize=65_536)
def e164(text: str, region: str | None) -> str | None:
    """Returns the number as E.164 ("+254712345678"), None when the text is no number.

    `region` is the source's default for numbers written without a country. WhatsApp APIs write international
    numbers without the plus (table in the APIs' README, "phone in examples"): read so when the region
    gives no number.
    """
    text = text.strip()
    if text.startswith(("+", "\uff0b")):
        return _parsed(text, None, phonenumbers.is_possible_number)
    # "00" is the usual prefix of an international number; a single 0 opens a national one.
    international = "+" + text.removeprefix("00")
    if region is None:
        return _parsed(international, None, phonenumbers.is_valid_number)
    return (
        _parsed(text, region, phonenumbers.is_valid_number)
        or _parsed(international, None, phonenumbers.is_valid_number)
        or _parsed(text, region, phonenumbers.is_possible_number)
        # What cannot be the region's may still be another country's, in a range that nobody has been given yet.
        or _parsed(international, None, _has_full_length)
    )


def _parsed(text: str, region: str | None, good: Callable[[phonenumbers.PhoneNumber], bool]) -> str | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if good(number) else None


def _has_full_length(number: phonenumbers.PhoneNumber) -> bool:
    return phonenumbers.is_possible_number_with_reason(number) == phonenumbers.ValidationResult.IS_POSSIBLE


@lru_cache(maxsize=65_536)
def last_digits(number: str, most: int) -> str:
    """Returns the digits at the end of an E.164 number that stand together in its country's usual spellings.

    At most so many: "678" of a Kenyan number, "78" of a French one, which is written in pairs.
    """
    parsed = phonenumbers.parse(number)
    forms = phonenumbers.PhoneNumberFormat.INTERNATIONAL, phonenumbers.PhoneNumberFormat.NATIONAL
    endings = [_GROUPS.findall(phonenumbers.format_number(parsed, form)) for form in forms]
    return number[-min(most, *(len(groups[-1]) for groups in endings)) :]


def phone_e164(contact: ContactRecord) -> str | None:
    """Returns the contact's first phone number as E.164, None when there is none or it is no number."""
    return e164(contact.phone, contact.source.default_region) if contact.phone else None
