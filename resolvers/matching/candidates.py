"""Who may be the same person: what a source's search finds for an e-mail address or a phone number (DESIGN.md 9)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import msgspec

from providers.source import Source
from providers.spi.budget import BudgetExceeded, Counter
from providers.spi.errors import SourceError, SourceErrorCode
from providers.spi.record import ContactRecord
from resolvers.model.records import ErrorRecord
from resolvers.paging.stream_factory import stream_factory
from resolvers.planning.phone_numbers import e164, last_digits
from resolvers.planning.plan import plan
from resolvers.planning.predicate import fold
from resolvers.reading.progress import Progress
from resolvers.request.keys import Key
from resolvers.request.operation import Operation
from resolvers.streams.base import Bounds, Stream

# More candidates than that are not read: the search is then narrowed, or given up and said so.
MOST = 500
# People write a number with and without country, blanks and dashes; its last three digits, or what its country writes
# together of them, stand together in nearly every way. Where too many numbers end so, more digits are searched for,
# which finds unbroken ones alone.
_FEW_DIGITS = 3
_MANY_DIGITS = 7
# Making a candidate's keys takes as long as so many comparisons.
_KEYS_WORK = 8


class Keys(msgspec.Struct, frozen=True):
    """By what a person is known: e-mail addresses trimmed and case-folded, phone numbers in E.164.

    `spellings` are addresses as they were written, where folding changed more than their case ("ß" to "ss"): a
    source's search may know that spelling alone.
    """

    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    spellings: tuple[str, ...] = ()


def email_key(text: str) -> str:
    """Returns the form in which e-mail addresses are compared."""
    return fold(text.strip())


def keys_from(emails: Iterable[str], phones: Iterable[str], region: str | None) -> Keys:
    """Returns the keys of addresses and numbers, each once and in their order; `region` as in `e164`."""
    written = dict.fromkeys(email.strip() for email in emails)
    numbers = (e164(phone, region) for phone in phones)
    return Keys(
        tuple(dict.fromkeys(email_key(email) for email in written if email)),
        tuple(dict.fromkeys(number for number in numbers if number is not None)),
        tuple(email for email in written if email.lower() != email_key(email)),
    )


def keys_of(contact: ContactRecord) -> Keys:
    """Returns by what the contact is known, in the record's order."""
    return keys_from(contact.emails, contact.phones, contact.source.default_region)


class Found(msgspec.Struct):
    """What one source says to a person's keys.

    `asked`: how many searches were needed; `errors`: those that failed. `warnings` say what they do not cover.
    `over`: why the operation may look for no more.
    """

    source: Source
    contacts: list[ContactRecord]
    asked: int
    errors: list[SourceError]
    warnings: dict[str, ErrorRecord]
    streams: list[Stream]
    over: BudgetExceeded | None = None

    @property
    def incomplete(self) -> bool:
        """Whether the source may have contacts with one of the keys that its search does not find."""
        return any(warning.code is SourceErrorCode.MATCH_INCOMPLETE for warning in self.warnings.values())


async def find(operation: Operation, source: Source, keys: Keys, parts: frozenset[str]) -> Found:
    """Returns the source's contacts that have one of the keys: looked for once an operation. Never raises SourceError
    or BudgetExceeded."""
    key: Key[Found] = Key("found", (source.name, keys, parts))
    return await operation.once(key, lambda: _find(operation, source, keys, parts))


async def _find(operation: Operation, source: Source, keys: Keys, parts: frozenset[str]) -> Found:
    capabilities = source.provider.capabilities
    found = Found(source, [], 0, [], {}, [])
    terms: list[str] = []
    if capabilities.email_search:
        terms += (*keys.emails, *keys.spellings)
    elif keys.emails:
        _incomplete(found, "cannot be searched for e-mail addresses")
    phones = keys.phones if capabilities.phone_search else ()
    if keys.phones and not capabilities.phone_search:
        _incomplete(found, "cannot be searched for phone numbers")
    answers = await asyncio.gather(
        *(_read(operation, source, term, parts) for term in terms),
        *(_by_phone(operation, source, phone, parts, found) for phone in phones),
        return_exceptions=True,
    )
    contacts: dict[str, ContactRecord] = {}
    for answer in answers:
        found.asked += 1
        if isinstance(answer, SourceError):
            found.errors.append(answer)
        elif isinstance(answer, BudgetExceeded):
            _end(found, answer)
        elif isinstance(answer, BaseException):
            raise answer
        else:
            found.streams.append(answer)
            _complete(found, answer)
            try:
                await _compare(operation, answer.items, keys, contacts)
            except BudgetExceeded as error:
                _end(found, error)
    found.contacts = list(contacts.values())
    return found


def _end(found: Found, error: BudgetExceeded) -> None:
    """Notes that the operation may look for no more."""
    found.over = error
    _incomplete(
        found,
        f"not all candidates were looked at: the operation may not use more than {error.limit:,} {error.counter.value}"
        f" (server.limits.{error.counter.value})",
    )


# The candidates looked at, by identity. A record is kept with its keys, so that no other one gets its identity.
_CANDIDATE_KEYS: Key[dict[int, tuple[ContactRecord, Keys]]] = Key("keys of candidates")


async def _compare(
    operation: Operation, candidates: list[ContactRecord], keys: Keys, contacts: dict[str, ContactRecord]
) -> None:
    """Adds the candidates that have one of the keys to `contacts`. Raises BudgetExceeded."""
    budget = operation.budget
    known = operation.kept(_CANDIDATE_KEYS, dict)
    for record in candidates:
        kept = known.get(id(record))
        if kept is None:
            kept = known[id(record)] = record, keys_of(record)
            budget.spend(Counter.EVALUATIONS, _KEYS_WORK)
            if budget.work(_KEYS_WORK):
                await budget.give_way()
        budget.spend(Counter.EVALUATIONS)
        if _same(kept[1], keys):
            contacts[record.id] = record
        if budget.work(1):
            await budget.give_way()


def _same(own: Keys, keys: Keys) -> bool:
    return not set(own.emails).isdisjoint(keys.emails) or not set(own.phones).isdisjoint(keys.phones)


async def _by_phone(operation: Operation, source: Source, phone: str, parts: frozenset[str], found: Found) -> Stream:
    stream = await _read(operation, source, last_digits(phone, _FEW_DIGITS), parts)
    if stream.ended:
        return stream
    _incomplete(found, "has too many numbers with the same ending; those written with blanks or dashes may be missing")
    return await _read(operation, source, phone[-_MANY_DIGITS:], parts)


async def _read(operation: Operation, source: Source, term: str, parts: frozenset[str]) -> Stream:
    """Returns the search's stream, read to its end or as far as candidates are read. Raises SourceError."""
    key: Key[Stream] = Key("candidates", (source.name, term, parts))
    return await operation.once(key, lambda: _search(operation, source, term, parts))


async def _search(operation: Operation, source: Source, term: str, parts: frozenset[str]) -> Stream:
    made = plan(source, filter=None, search=term, orders=(), parts=parts)
    stream = stream_factory(operation, made).open(Bounds(), forward=True)
    # Waiting here costs no call its time-out.
    key: Key[asyncio.Semaphore] = Key("searches", (source.name,))
    turn = operation.kept(key, lambda: asyncio.Semaphore(source.settings.max_concurrency))
    async with turn:
        progress = Progress(source.name)
        while not stream.ended and not stream.stopped and len(stream.items) < MOST:
            progress.check(len(stream.items))
            if stream.total is not None and stream.total > MOST:
                break
            await stream.fill(min(MOST, len(stream.items) + source.max_page_size))
    return stream


def _complete(found: Found, stream: Stream) -> None:
    """Notes what the search left out."""
    if not stream.ended:
        _incomplete(found, f"found more than {MOST} candidates; not all of them were compared")
    for warning in stream.warnings.values():
        if warning.code is SourceErrorCode.SEARCH_INCOMPLETE:
            _incomplete(found, warning.message.partition(": ")[2])
        else:
            found.warnings.setdefault(warning.message, warning)


def _incomplete(found: Found, message: str) -> None:
    text = f"{found.source.name}: {message}"
    found.warnings.setdefault(text, ErrorRecord(SourceErrorCode.MATCH_INCOMPLETE, text))
