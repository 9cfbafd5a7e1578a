"""Objects by their global ids: `node`, `nodes`, `contact`, and the entities of a supergraph (DESIGN.md 9 and 10)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from aiodataloader import DataLoader

from providers.source import Source
from providers.spi.budget import BudgetExceeded
from providers.spi.errors import ScanLimitExceeded, SourceBadRequest, SourceError
from providers.spi.record import ContactRecord, SourceRecord, StageRecord, TagRecord, UserRecord
from resolvers import stages, tags, users
from resolvers.dataloaders.contact_by_scan import Scan
from resolvers.model.errors import BadUserInput
from resolvers.model.global_ids import NodeId, parse, stage_id, stage_key
from resolvers.request.keys import Key
from resolvers.request.operation import Operation
from resolvers.request.sharing import shared

MAX_IDS = 100
_AT_A_TIME = 250
# What a source answers for an id it does not have, or that cannot be one of its ids (trap 4: 400 and 422 alike).
_NOT_THERE = {400, 404, 410, 422}

Node: TypeAlias = ContactRecord | TagRecord | StageRecord | UserRecord | SourceRecord
# The parts selected for a type, by its GraphQL name.
PartsOf: TypeAlias = Callable[[str], frozenset[str]]


async def node(operation: Operation, id: str, wanted: PartsOf) -> Node | None:
    """Returns the object; None when it is unknown, gone, or of a source that the caller does not see.

    Raises BadUserInput for an id that is none, SourceError when its source failed.
    """
    return await _node(operation, "id", id, wanted)


async def nodes(operation: Operation, ids: Sequence[str], wanted: PartsOf) -> list[Node | Exception | None]:
    """Returns what `node` gives for each id, in their order, with an exception in its own place.

    Raises BadUserInput for more than 100 ids.
    """
    if len(ids) > MAX_IDS:
        raise BadUserInput("ids", f"expected at most {MAX_IDS} ids, got {len(ids)}")
    return await asyncio.gather(*(_settled(operation, f"ids[{i}]", id, wanted) for i, id in enumerate(ids)))


async def contact(operation: Operation, id: str, parts: frozenset[str]) -> ContactRecord | None:
    """Returns the contact, None as in `node`. Raises BadUserInput for an id that is no contact's, SourceError."""
    parsed = parse("id", id)
    if parsed.type != "Contact":
        raise BadUserInput("id", f"the id of a {parsed.type}; expected a Contact's")
    return await contact_by_native_id(operation, parsed.source, parsed.native_id, parts)


async def contact_by_native_id(
    operation: Operation, source_name: str, native_id: str, parts: frozenset[str]
) -> ContactRecord | None:
    """Returns the contact that the source knows by its own id, None as in `node`. Raises SourceError.

    All contacts that are looked up at the same time are one batch a source.
    """
    source = operation.sources.get(source_name)
    if source is None or not native_id:
        return None
    make = _Lookup if source.provider.capabilities.lookup else Scan
    key: Key[_Lookup | Scan] = Key("contact", (source_name,))
    loader = operation.kept(key, lambda: make(operation, source))
    asked = loader.load((native_id, parts)) if isinstance(loader, _Lookup) else loader.load(native_id)
    found: ContactRecord | None = await shared(asked)
    return found


class _Lookup(DataLoader[tuple[str, frozenset[str]], Any]):
    """Contacts of one source by native id and wanted parts: one call an id, for all the parts of a batch."""

    def __init__(self, operation: Operation, source: Source) -> None:
        super().__init__()
        self._operation = operation
        self._source = source

    async def batch_load_fn(self, keys: list[tuple[str, frozenset[str]]]) -> list[Any]:
        wanted: dict[str, frozenset[str]] = {}
        for native_id, parts in keys:
            wanted[native_id] = wanted.get(native_id, frozenset()) | parts
        found: dict[str, Any] = {}
        asked = list(wanted.items())
        # In turns with other tasks: beginning thousands of calls at once holds them all up.
        for start in range(0, len(asked), _AT_A_TIME):
            turn = asked[start : start + _AT_A_TIME]
            answers = await asyncio.gather(*(self._one(native_id, parts) for native_id, parts in turn))
            found |= zip((native_id for native_id, _ in turn), answers, strict=True)
        return [found[native_id] for native_id, _ in keys]

    async def _one(self, native_id: str, parts: frozenset[str]) -> ContactRecord | Exception | None:
        provider = self._source.provider
        request = provider.contact_request(native_id, parts)
        if request is None:
            return None
        try:
            contact, _ = await self._operation.ask(self._source, request, provider.contact)
        except SourceBadRequest as error:
            return None if error.status in _NOT_THERE else error
        except (SourceError, BudgetExceeded) as error:
            return error
        # Whatever the source made of the id ("042", another one's alias): only the contact of this id is it.
        return contact if contact.native_id == native_id else None


async def _settled(operation: Operation, argument: str, id: str, wanted: PartsOf) -> Node | Exception | None:
    try:
        return await _node(operation, argument, id, wanted)
    except (BadUserInput, SourceError, BudgetExceeded) as error:
        return error


async def _node(operation: Operation, argument: str, id: str, wanted: PartsOf) -> Node | None:
    parsed = parse(argument, id)
    source = operation.sources.get(parsed.source)
    if source is None:
        return None
    match parsed.type:
        case "Contact":
            return await contact_by_native_id(operation, parsed.source, parsed.native_id, wanted("Contact"))
        case "Source":
            return source.record if source.record.id == id else None
        case "User":
            return await users.user(operation, source, parsed.native_id)
        case "Tag":
            return await _tag(operation, source, parsed.native_id)
        case _:
            return await _stage(operation, source, argument, parsed, id, wanted("PipelineStage"))


async def _tag(operation: Operation, source: Source, native_id: str) -> TagRecord | None:
    if not source.provider.capabilities.tags:
        return None
    listed = await tags.all_tags(operation, source)
    found = listed.tags.get(native_id)
    if found is None and not listed.complete:
        raise ScanLimitExceeded(
            source.name, f"{source.name} has no look-up of a tag; its first tags were read; raise scan_limit"
        )
    return found


async def _stage(
    operation: Operation, source: Source, argument: str, parsed: NodeId, id: str, parts: frozenset[str]
) -> StageRecord | None:
    key = stage_key(argument, parsed.native_id)
    named = key.native_id or key.name
    if not source.provider.capabilities.buckets or not named or stage_id(source.name, key) != id:
        return None
    return await stages.stage_by_key(operation, source, key, id, parts)
