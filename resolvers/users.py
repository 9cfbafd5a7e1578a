"""Users: who owns, works with or created a contact, named by the source's own list of users (DESIGN.md 7)."""

from __future__ import annotations

from collections.abc import Mapping

from providers.source import Source
from providers.spi.errors import SourceError
from providers.spi.query import Condition, Operator
from providers.spi.record import ContactRecord, SourceRecord, UserRecord, UserRef, global_id
from resolvers.request.keys import Key
from resolvers.request.operation import Operation


async def owner(operation: Operation, contact: ContactRecord, parts: frozenset[str]) -> UserRecord | None:
    """Returns who is in charge of the contact. Never raises SourceError: without its list a user is an id alone."""
    return await _named(operation, contact.source, contact.owner_ref, parts)


async def assignees(operation: Operation, contact: ContactRecord, parts: frozenset[str]) -> list[UserRecord]:
    """Returns who works with the contact, in the record's order. Never raises SourceError."""
    refs = {ref.native_id: ref for ref in contact.assignee_refs}
    found = [await _named(operation, contact.source, ref, parts) for ref in refs.values()]
    return [user for user in found if user is not None]


async def created_by(
    operation: Operation, source: SourceRecord, ref: UserRef | None, parts: frozenset[str]
) -> UserRecord | None:
    """Returns who created a contact of the source. Never raises SourceError."""
    return await _named(operation, source, ref, parts)


async def user(operation: Operation, source: Source, native_id: str) -> UserRecord | None:
    """Returns the user with this id, None when there is none. Raises SourceError.

    A source without a list of users knows its users by id alone: one is answered for every id that its contacts'
    assignees can be asked for, and for no other.
    """
    provider = source.provider
    if provider.capabilities.users:
        return (await _listed(operation, source)).get(native_id)
    split = provider.push_down((Condition("assigneeId", Operator.EQ, native_id),), None)
    return _record(source.record, UserRef(native_id)) if split.taken and not split.never else None


async def _named(
    operation: Operation, source: SourceRecord, ref: UserRef | None, parts: frozenset[str]
) -> UserRecord | None:
    if ref is None:
        return None
    asked = operation.sources[source.name]
    missing = ("name" in parts and ref.name is None) or ("email" in parts and ref.email is None)
    if missing and asked.provider.capabilities.users:
        try:
            listed = (await _listed(operation, asked)).get(ref.native_id)
        except SourceError:
            # The contact is there, and so is the id: a list that fails costs the name alone.
            listed = None
        if listed is not None:
            ref = UserRef(ref.native_id, ref.name or listed.name, ref.email or listed.email)
    return _record(source, ref)


async def _listed(operation: Operation, source: Source) -> Mapping[str, UserRecord]:
    async def read() -> Mapping[str, UserRecord]:
        provider = source.provider
        users, _ = await operation.ask(source, provider.users_request(), provider.users)
        return {user.native_id: user for user in users}

    key: Key[Mapping[str, UserRecord]] = Key("users", (source.name,))
    return await operation.once(key, read)


def _record(source: SourceRecord, ref: UserRef) -> UserRecord:
    return UserRecord(global_id("User", source.name, ref.native_id), source, ref.native_id, ref.name, ref.email)
