"""The same person in several sources: one e-mail address or one phone number in common, one hop (DESIGN.md 9)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

from providers.source import Source
from providers.spi.record import ContactRecord
from resolvers.matching.candidates import Found, Keys, email_key, find, keys_from, keys_of
from resolvers.model.errors import BadUserInput
from resolvers.model.records import ErrorRecord, PersonRecord, SliceRecord, SourceStatus
from resolvers.planning.phone_numbers import e164
from resolvers.request.operation import Operation


async def matches(
    operation: Operation, contact: ContactRecord, sources: tuple[str, ...] | None, parts: frozenset[str]
) -> list[ContactRecord]:
    """Returns the contacts of other sources that are the same person, as far as those sources answered.

    `sources` are the names of those to ask, all others when None; a name that is none is passed over. Never raises:
    where the operation may use no more, `Operation.matching_over` says so.
    """
    others = [source for source in _others(operation, contact) if sources is None or source.name in sources]
    found = await _find(operation, others, lambda source: keys_of(contact), parts)
    return [match for each in found for match in each.contacts]


async def person_of(operation: Operation, contact: ContactRecord, parts: frozenset[str]) -> PersonRecord:
    """Returns the contact, first, with its matches, and how each source fared. Never raises."""
    found = await _find(operation, _others(operation, contact), lambda source: keys_of(contact), parts)
    return _person(operation, [contact, *(match for each in found for match in each.contacts)], found)


async def person(
    operation: Operation, email: str | None, phone: str | None, parts: frozenset[str]
) -> PersonRecord | None:
    """Returns the contacts that have the address or the number, None when nobody has: every source answered and could
    be searched for it. Where one could not, a person without contacts says so in its slices.

    A number without a country is read as one of each source's region. Raises BadUserInput.
    """
    if email is None and phone is None:
        raise BadUserInput("email", "give an e-mail address, a phone number, or both")
    asked = list(operation.sources.values())
    asked_keys = {
        source.name: keys_from([email or ""], [] if phone is None else [phone], source.settings.default_region)
        for source in asked
    }
    if email is not None and not email.strip():
        raise BadUserInput("email", "expected an e-mail address")
    if phone is not None and not any(each.phones for each in asked_keys.values()):
        raise BadUserInput("phone", "expected a phone number; begin it with + and the country's code")
    found = await _find(operation, asked, lambda source: asked_keys[source.name], parts)
    contacts = [contact for each in found for contact in each.contacts]
    incomplete = any(each.errors or each.incomplete for each in found)
    if not contacts and not incomplete:
        return None
    return _person(operation, contacts, found)


def _others(operation: Operation, contact: ContactRecord) -> list[Source]:
    return [source for source in operation.sources.values() if source.name != contact.source.name]


async def _find(
    operation: Operation, sources: Sequence[Source], keys: Callable[[Source], Keys], parts: frozenset[str]
) -> list[Found]:
    found = await asyncio.gather(*(find(operation, source, keys(source), parts) for source in sources))
    over = next((each.over for each in found if each.over is not None), None)
    operation.matching_over = operation.matching_over or over
    return found


def _person(operation: Operation, contacts: list[ContactRecord], found: list[Found]) -> PersonRecord:
    by_source = {each.source.name: _slice(each) for each in found}
    return PersonRecord(
        contacts,
        next((contact.display_name for contact in contacts if contact.display_name is not None), None),
        _each_once((email.strip() for contact in contacts for email in contact.emails), email_key),
        _phones(contacts),
        [
            by_source.get(name) or SliceRecord(source.record, SourceStatus.SKIPPED)
            for name, source in operation.sources.items()
        ],
    )


def _phones(contacts: list[ContactRecord]) -> list[str]:
    """Returns every number once, as it was first written."""
    numbers: dict[str, str] = {}
    for contact in contacts:
        for phone in contact.phones:
            numbers.setdefault(e164(phone, contact.source.default_region) or phone, phone)
    return list(numbers.values())


def _each_once(texts: Iterable[str], key: Callable[[str], str]) -> list[str]:
    found: dict[str, str] = {}
    for text in texts:
        found.setdefault(key(text), text)
    return list(found.values())


def _slice(found: Found) -> SliceRecord:
    """Returns how a source fared. FAILED: none of its searches answered; SKIPPED: nothing was wanted of it."""
    warnings = list(found.warnings.values())
    record = found.source.record
    if found.errors and len(found.errors) == found.asked:
        return SliceRecord(record, SourceStatus.FAILED, None, ErrorRecord.of(found.errors[0]), warnings)
    warnings += [ErrorRecord.of(error) for error in found.errors]
    if not found.asked and not warnings:
        return SliceRecord(record, SourceStatus.SKIPPED)
    fetched = [stream.fetched for stream in found.streams if stream.fetched is not None]
    return SliceRecord(
        record,
        SourceStatus.PARTIAL if warnings else SourceStatus.OK,
        None if warnings else len(found.contacts),
        None,
        warnings,
        any(stream.stale for stream in found.streams),
        min(fetched, default=None),
    )
