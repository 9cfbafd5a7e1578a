"""Phone numbers in one form, so that different spellings compare equal (DESIGN.md 4 and 9)."""

from __future__ import annotations

from functools import lru_cache

import phonenumbers

from providers.record import ContactRecord


@lru_cache(maxsize=65_536)
def e164(text: str, region: str | None) -> str | None:
    """Returns the number as E.164 ("+254712345678"), None when the text is no number.

    `region` is the source's default for numbers written without a country. WhatsApp APIs write international
    numbers without the plus (table in the APIs' README, "phone in examples"): read so when that gives a valid
    number and the region does not.
    """
    text = text.strip()
    if text.startswith(("+", "\uff0b")):
        return _parsed(text, None, sure=False)
    # "00" is the usual prefix of an international number; a single 0 opens a national one.
    international = "+" + text.removeprefix("00")
    if region is None:
        return _parsed(international, None, sure=True)
    return (
        _parsed(text, region, sure=True) or _parsed(international, None, sure=True) or _parsed(text, region, sure=False)
    )


def _parsed(text: str, region: str | None, *, sure: bool) -> str | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    good = phonenumbers.is_valid_number(number) if sure else phonenumbers.is_possible_number(number)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if good else None


def phone_e164(contact: ContactRecord) -> str | None:
    """Returns the contact's first phone number as E.164, None when there is none or it is no number."""
    return e164(contact.phone, contact.source.default_region) if contact.phone else None
