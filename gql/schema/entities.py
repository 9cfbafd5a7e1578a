"""Entities for a supergraph (DESIGN.md 10): a router's representations, looked up in one batch.

Strawberry's own resolver of `_entities` fails the whole answer for one unknown type and writes into the request's
variables; here every representation is judged for itself and left as it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from providers.spi.budget import BudgetExceeded
from providers.spi.record import global_id
from resolvers import nodes as lookup
from resolvers.model import global_ids as ids
from resolvers.model.errors import BadUserInput
from resolvers.request.operation import Operation

_TYPENAME: Final = "__typename"
_CONTACT_KEY: Final = frozenset({"nativeId", "source"})
_ENTITY_KEYS: Final[Mapping[str, tuple[frozenset[str], ...]]] = {
    "Contact": (frozenset({"id"}), _CONTACT_KEY, frozenset({"id"}) | _CONTACT_KEY),
    "PipelineStage": (frozenset({"id"}),),
    "Source": (frozenset({"id"}),),
    "Tag": (frozenset({"id"}),),
    "User": (frozenset({"id"}),),
}
"""The entity types and the sets of fields by which a representation may name one: a key, or both of Contact's."""


async def entities(
    operation: Operation, representations: Sequence[object], wanted: Callable[[str], frozenset[str]]
) -> list[Any]:
    """Returns, in the order of the representations, each entity's record, None when it is unknown or gone, or the
    exception that is its error: BadUserInput for a representation that is none, SourceError for a failed source.

    `wanted` gives the parts selected for a type. Raises BudgetExceeded when so many were left out, because the
    operation may use no more, that an error for each would only make the answer long.
    """
    found: list[Any] = [_entity_id(each, f"representations[{i}]") for i, each in enumerate(representations)]
    asked = [index for index, each in enumerate(found) if isinstance(each, str)]
    for index, record in zip(
        asked, await _looked_up(operation, [found[index] for index in asked], wanted), strict=True
    ):
        # What is wrong with an id is said of the representation, which knows no `ids`.
        wrong = isinstance(record, BadUserInput)
        found[index] = BadUserInput(f"representations[{index}].id", record.message) if wrong else record
    left_out = [each for each in found if isinstance(each, BudgetExceeded)]
    if len(left_out) > lookup.MAX_IDS:
        raise left_out[0]
    return found


async def _looked_up(operation: Operation, named: list[str], wanted: Callable[[str], frozenset[str]]) -> list[Any]:
    """The objects of these ids. A router cannot ask for fewer than it needs, so they go side by side in the numbers
    that `nodes` takes; the dataloaders behind make one batch of them."""
    chunks = [named[start : start + lookup.MAX_IDS] for start in range(0, len(named), lookup.MAX_IDS)]
    answers = await asyncio.gather(*(lookup.nodes(operation, chunk, wanted) for chunk in chunks))
    return [record for answer in answers for record in answer]


def _entity_id(representation: object, path: str) -> str | BadUserInput:
    """The global id that a representation stands for, or what is wrong with it."""
    try:
        return _judged(representation, path)
    except BadUserInput as error:
        return error


def _judged(representation: object, path: str) -> str:
    if not isinstance(representation, dict):
        raise BadUserInput(path, "expected an object with __typename and a key")
    type_name = representation.get(_TYPENAME)
    keys = _ENTITY_KEYS.get(type_name) if isinstance(type_name, str) else None
    if keys is None:
        raise BadUserInput(f"{path}.{_TYPENAME}", f"expected one of {', '.join(_ENTITY_KEYS)}")
    given = frozenset(representation) - {_TYPENAME}
    if given not in keys:
        expected = '"id", or "nativeId" and "source { name }"' if type_name == "Contact" else '"id"'
        raise BadUserInput(path, f"expected the key {expected} of {type_name} and no other field")
    if "id" not in given:
        return _contact_id(representation, path)
    named = _text(representation["id"], f"{path}.id")
    if ids.parse(f"{path}.id", named).type != type_name:
        raise BadUserInput(f"{path}.id", f"not the id of a {type_name}")
    if given >= _CONTACT_KEY and _contact_id(representation, path) != named:
        raise BadUserInput(path, "id and nativeId name different contacts")
    return named


def _contact_id(representation: Mapping[str, object], path: str) -> str:
    """The global id by Contact's second key, `nativeId source { name }`."""
    native_id = _text(representation["nativeId"], f"{path}.nativeId")
    source = representation["source"]
    if not isinstance(source, dict) or source.keys() - {_TYPENAME} != {"name"}:
        raise BadUserInput(f"{path}.source", 'expected an object with "name" alone')
    if source.get(_TYPENAME, "Source") != "Source":
        raise BadUserInput(f"{path}.source.{_TYPENAME}", "expected Source")
    name = _text(source["name"], f"{path}.source.name")
    if ":" in name:  # no source has such a name, and the id would be read as another's
        raise BadUserInput(f"{path}.source.name", "expected the name of a source")
    return global_id("Contact", name, native_id)


def _text(value: object, path: str) -> str:
    if not isinstance(value, str) or not value:
        raise BadUserInput(path, "expected a text that is not empty")
    return value
