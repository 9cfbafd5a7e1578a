"""Global ids: Relay's kind, of type, source and native id (DESIGN.md 9)."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error

import msgspec

from providers.spi.record import PipelineType, global_id
from resolvers.model.errors import BadUserInput

TYPES = ("Contact", "Tag", "PipelineStage", "User", "Source")
MAX_LENGTH = 2_000


class NodeId(msgspec.Struct, frozen=True):
    type: str
    source: str
    native_id: str


class StageKey(msgspec.Struct, frozen=True):
    """What a stage's native part holds: its pipeline, and its id, or its name where there is no id."""

    pipeline_type: PipelineType
    pipeline_id: str | None
    native_id: str | None
    name: str | None


def parse(argument: str, text: str) -> NodeId:
    """Returns the parts of a global id. Raises BadUserInput naming the argument when it is none of ours."""
    if len(text) <= MAX_LENGTH:
        try:
            parts = b64decode(text.encode("ascii"), validate=True).decode("utf-8").split(":", 2)
        except (UnicodeError, Error):
            parts = []
        if len(parts) == 3 and parts[0] in TYPES and parts[1] and parts[2]:
            found = NodeId(*parts)
            # Base64 has several spellings of one text; only the one we hand out is an id.
            if global_id(*parts) == text:
                return found
    raise BadUserInput(argument, "not an id of this service; use the id field of an object it returned")


def stage_id(source: str, key: StageKey) -> str:
    """Returns the global id of a stage. The name stands in only where the source knows no id (contract.graphql)."""
    parts = [key.pipeline_type.name, key.pipeline_id, key.native_id, None if key.native_id else key.name]
    return global_id("PipelineStage", source, msgspec.json.encode(parts).decode())


def stage_key(argument: str, native: str) -> StageKey:
    """Returns what `stage_id` wrote. Raises BadUserInput."""
    try:
        kind, pipeline, stage, name = msgspec.json.decode(
            native.encode(), type=tuple[str, str | None, str | None, str | None]
        )
        return StageKey(PipelineType[kind], pipeline, stage, name)
    except (msgspec.DecodeError, KeyError):
        raise BadUserInput(argument, "not an id of this service; use the id field of an object it returned") from None
