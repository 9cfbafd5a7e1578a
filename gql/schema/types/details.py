"""ContactDetails: what only one provider has."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, TypeAlias

import strawberry
from strawberry import ID

from gql.schema.core.context import Info
from gql.schema.core.fields import field, instances_of
from gql.schema.core.scalars import JSON
from gql.schema.core.selection import parts
from gql.schema.types.user import User
from providers.apis.askelephant.decode import AskElephantDetails
from providers.apis.autokonnect.decode import AutokonnectDetails
from providers.apis.tether.decode import TetherDetails
from providers.apis.wacr.decode import WacrDetails
from resolvers import users


async def _created_by(parent: strawberry.Parent[TetherDetails], info: Info) -> Any:
    return await users.created_by(info.context.operation, parent.source, parent.created_by, parts(info))


@strawberry.type(description="What only Tether has; null is what its record of the contact leaves out.")
class TetherContact:
    is_type_of = instances_of(TetherDetails)

    pipeline_id: str | None = strawberry.field(description="The pipeline's id.")
    pipeline_stage_id: str | None = strawberry.field(description="The stage's id; unlike its name it never changes.")
    organization_id: str | None = strawberry.field(description="The organisation that the contact belongs to.")
    user_id: str | None = strawberry.field(description="The owner's user id.")
    created_by: User | None = field(_created_by, description="Who created the contact.")
    lead_source: str | None = strawberry.field(description="Where the lead came from.")
    origin: str | None = strawberry.field(description="Tether's `source`: how the contact got into Tether.")
    process: str | None = strawberry.field(
        description="Tether's `process`, as it writes it. Its pages say neither what it means nor its values."
    )
    is_bulk_sms: bool | None = strawberry.field(description="Whether the contact was created by a bulk import.")
    is_autopilot: bool | None = strawberry.field(description="Whether Tether's autopilot answers the contact.")
    channel_types: list[str] = strawberry.field(description="The channels on which there are messages.")
    files: JSON | None = strawberry.field(description="The attached files, as Tether has them.")
    last_message_at: datetime | None = strawberry.field(description="When the latest message was sent.")
    latest_message: JSON | None = strawberry.field(description="The latest message, as Tether has it.")


@strawberry.type(description="One of a contact's e-mail addresses in AskElephant.")
class AskElephantEmail:
    email: str = strawberry.field(description="The address.")
    is_primary: bool = strawberry.field(description="Whether it is the main one.")


@strawberry.type(description="One of a contact's phone numbers in AskElephant.")
class AskElephantPhone:
    phone_number: str = strawberry.field(description="The number as it was written.")
    is_primary: bool = strawberry.field(description="Whether it is the main one.")


@strawberry.type(description="What only AskElephant has; null is what its record of the contact leaves out.")
class AskElephantContact:
    is_type_of = instances_of(AskElephantDetails)

    description: str | None = strawberry.field(description="A free text about the contact.")
    company_id: str | None = strawberry.field(description="The company's id; AskElephant gives no name with it.")
    email_addresses: list[AskElephantEmail] = strawberry.field(description="All e-mail addresses.")
    phone_numbers: list[AskElephantPhone] = strawberry.field(description="All phone numbers.")
    crm_association: JSON | None = strawberry.field(description="The CRM object that the contact belongs to.")
    time_zone: str | None = strawberry.field(description="The contact's time zone.")


@strawberry.type(description="What only WA.cr has; null is what its record of the contact leaves out.")
class WacrContact:
    is_type_of = instances_of(WacrDetails)

    tenant_id: ID | None = strawberry.field(description="The tenant that the contact belongs to.")
    type: str | None = strawberry.field(description="The contact's type: lead, customer or guest.")
    status_id: ID | None = strawberry.field(description="The status, by id.")
    status_data: JSON | None = strawberry.field(description="The status as WA.cr has it.")
    source_id: ID | None = strawberry.field(description="Where the contact came from, by id.")
    source_data: JSON | None = strawberry.field(description="Where the contact came from, as WA.cr has it.")
    assigned_id: ID | None = strawberry.field(description="The user in charge, by id.")
    group_ids: list[ID] = strawberry.field(description="The contact's groups, by id.")
    groups_data: JSON | None = strawberry.field(description="The contact's groups, as WA.cr has them.")
    description: str | None = strawberry.field(description="A free text about the contact.")
    city: str | None = strawberry.field(description="The city.")
    state: str | None = strawberry.field(description="The state or province.")
    zip: str | None = strawberry.field(description="The postal code.")
    address: str | None = strawberry.field(description="Street and number.")
    country_id: ID | None = strawberry.field(description="The country, by id.")
    is_opted_out: bool | None = strawberry.field(description="Whether the contact wants no messages.")


@strawberry.type(description="What only AutoKonnect has; null is what its record of the contact leaves out.")
class AutokonnectContact:
    is_type_of = instances_of(AutokonnectDetails)

    phone_number_lid: str | None = strawberry.field(
        description="WhatsApp's LID: an id in place of a phone number that is hidden."
    )


ContactDetails: TypeAlias = Annotated[
    TetherContact | AskElephantContact | WacrContact | AutokonnectContact,
    strawberry.union(
        "ContactDetails",
        description=(
            "What only the contact's provider has, one type a provider. A field's name means one type in all of them."
        ),
    ),
]
