"""Relay's Node, and which record stands for which of its types."""

from __future__ import annotations

from typing import Final

import strawberry

from providers.spi.record import ContactRecord, SourceRecord, StageRecord, TagRecord, UserRecord

TYPE_NAMES: Final[dict[type, str]] = {
    ContactRecord: "Contact",
    TagRecord: "Tag",
    StageRecord: "PipelineStage",
    SourceRecord: "Source",
    UserRecord: "User",
}


@strawberry.interface(
    description=(
        "An object with a global id, which `node` and `nodes` find again (Relay's Global Object Identification)."
    )
)
class Node:
    id: strawberry.ID = strawberry.field(
        description="The global id: opaque and stable, whatever else changes in the object."
    )

    @staticmethod
    def resolve_type(value: object, _info: object, _type: object) -> str | None:
        """Returns the name of the record's type. The decorator reads it from the class."""
        return TYPE_NAMES.get(type(value))
