"""Which records are projected without a Python call per field, and which fields are computed for it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from operator import attrgetter
from typing import Any

import msgspec

from gql.projection.registry import Computed, Prepared, ProjectionRegistry
from gql.schema.types.contact import raw
from providers.apis.askelephant.decode import AskElephantDetails, AskElephantEmail, AskElephantPhone
from providers.apis.autokonnect.decode import AutokonnectDetails
from providers.apis.tether.decode import TetherDetails
from providers.apis.wacr.decode import WacrDetails
from providers.resilience.health import FailureNote
from providers.source import Source
from providers.spi.record import ContactRecord, SourceRecord, StageRecord, TagRecord, UserRecord
from resolvers import sources as source_records
from resolvers.model import records as connection
from resolvers.planning.phone_numbers import phone_e164


def registry(sources: Mapping[str, Source]) -> ProjectionRegistry:
    """Returns the registry for a server with these sources, all that are configured, by name."""
    found = ProjectionRegistry()
    found.scalar("DateTime", datetime)
    found.scalar("JSON", msgspec.Raw)
    found.register("Contact", ContactRecord, _contact_fields(sources))
    found.register("Source", SourceRecord, {"capabilities": _capabilities(sources)})
    found.register("Tag", TagRecord, {"createdAt": _known("created_at"), "contactCount": _known("contact_count")})
    found.register(
        "PipelineStage", StageRecord, {"contactCount": _known("contact_count"), "contacts": Prepared(_known("page"))}
    )
    found.register("User", UserRecord)
    found.register("Person", connection.PersonRecord)
    found.register("TetherContact", TetherDetails, {"createdBy": _absent("created_by", None)})
    found.register("AskElephantContact", AskElephantDetails)
    found.register("AskElephantEmail", AskElephantEmail)
    found.register("AskElephantPhone", AskElephantPhone)
    found.register("WacrContact", WacrDetails)
    found.register("AutokonnectContact", AutokonnectDetails)
    found.register("SourceCapabilities", source_records.CapabilitiesRecord)
    found.register("FilterCapability", source_records.FilterCapabilityRecord)
    found.register("OrderCapability", source_records.OrderCapabilityRecord)
    found.register("SourceError", FailureNote)
    found.register("SourceError", connection.ErrorRecord)
    found.register("SourceSlice", connection.SliceRecord)
    found.register("PageInfo", connection.PageInfoRecord)
    for name in ("Contact", "Tag", "PipelineStage"):
        found.register(f"{name}Edge", getattr(connection, f"{name}EdgeRecord"))
    found.register("ContactConnection", connection.ContactConnectionRecord, {"edges": attrgetter("edges")})
    found.register("TagConnection", connection.TagConnectionRecord)
    found.register("PipelineStageConnection", connection.PipelineStageConnectionRecord)
    return found


def _contact_fields(sources: Mapping[str, Source]) -> dict[str, Computed | str]:
    details = {name: source.provider.details for name, source in sources.items()}
    return {
        "raw": raw,
        # Properties: pure, and made from the row when asked for.
        "displayName": attrgetter("display_name"),
        "emails": attrgetter("emails"),
        "phones": attrgetter("phones"),
        "tags": attrgetter("tags"),
        "phoneE164": phone_e164,
        "details": lambda contact: details[contact.source.name](contact),
        "stage": _absent("stage_ref", None),
        "owner": _absent("owner_ref", None),
        "assignees": _absent("assignee_refs", []),
    }


def _capabilities(sources: Mapping[str, Source]) -> Computed:
    tables = {name: source_records.capabilities(source) for name, source in sources.items()}
    return lambda source: tables[source.name]


def _known(attribute: str) -> Computed:
    """Returns the attribute where the record has it; where not, projection leaves the record to the resolver."""

    def known(record: Any) -> object:
        value: object = getattr(record, attribute)
        if value is None:
            raise LookupError(attribute)
        return value

    return known


def _absent(reference: str, nothing: object) -> Computed:
    """Returns `nothing` for a record that refers to nothing; others are left to the resolver, which may have to ask."""

    def absent(record: Any) -> object:
        if getattr(record, reference):
            raise LookupError(reference)
        return nothing

    return absent
