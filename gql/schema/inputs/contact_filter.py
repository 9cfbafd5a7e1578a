"""The input types of the contract; `gql.schema.inputs.conditions` says what they mean.

An omitted field is UNSET, null is None.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry
from strawberry import ID, UNSET

from gql.schema.core.enums import OrderDirection, TetherMessageStatus, TetherOwnerScope, TetherTimeUnit
from gql.schema.core.scalars import JSON
from providers.spi.query import OrderField


def _optional(description: str, name: str | None = None) -> Any:
    # UNSET, not None: a default of None would be printed as `= null`.
    return strawberry.field(description=description, default=UNSET, name=name)


@strawberry.input(description="One sort key. Contacts without a value come last in both directions.")
class ContactOrder:
    field: OrderField = strawberry.field(description="What to sort by.")
    direction: OrderDirection = strawberry.field(description="Which way.", default=OrderDirection.ASC)


@strawberry.input(
    description=(
        "Conditions on a text; all that are given have to hold. Texts compare without regard to case, ids exactly. "
        "On a field with several values a positive operator holds when any value does, `ne` and `notIn` when none "
        "equals. A contact without a value meets `ne`, `notIn` and `isNull: true` alone."
    )
)
class StringFilter:
    eq: str | None = _optional("Equals this.")
    ne: str | None = _optional("Does not equal this; holds for contacts without a value.")
    in_: list[str] | None = _optional("Equals one of these; an empty list holds for no contact.", name="in")
    not_in: list[str] | None = _optional("Equals none of these; holds for contacts without a value.")
    contains: str | None = _optional("Contains this.")
    starts_with: str | None = _optional("Starts with this.")
    is_null: bool | None = _optional("Whether there is no value. The way to ask for missing ones.")


@strawberry.input(
    description="Conditions on an instant; all that are given have to hold. Without a value, none but `isNull` holds."
)
class DateTimeFilter:
    gt: datetime | None = _optional("Later than this.")
    gte: datetime | None = _optional("At this instant or later.")
    lt: datetime | None = _optional("Earlier than this.")
    lte: datetime | None = _optional("At this instant or earlier.")
    is_null: bool | None = _optional("Whether there is no value.")


@strawberry.input(description="A span between two instants, both included.")
class DateTimeRange:
    start: datetime | None = _optional("The first instant; open when omitted.")
    end: datetime | None = _optional("The last instant; open when omitted.")


@strawberry.input(description="A span of time up to now in which there was no message.")
class TetherQuietFor:
    value: int = strawberry.field(description="How many units, at least 1.")
    unit: TetherTimeUnit = strawberry.field(description="Hours or days.")


@strawberry.input(description="A condition on one of the organisation's own contact fields.")
class TetherCustomFilter:
    key: str = strawberry.field(description="The key of the custom field.")
    value: JSON = strawberry.field(
        description="The wanted value. Tether reads a string as a case-insensitive regular expression."
    )


@strawberry.input(description="A stage of Tether: its name, as the stage list has it, and its id.")
class TetherStageId:
    name: str = strawberry.field(description="The stage's name.")
    id: str = strawberry.field(description="The stage's id in Tether.")


@strawberry.input(
    description=(
        "Tether's own filters, applied by Tether itself. What a contact tells of itself (`source`, `leadSource`, "
        "`owner`, `status`, `pipelineStage`, `pipelineId`) is applied here where one request of Tether's cannot say "
        "it, such as a second value."
    )
)
class TetherFilter:
    source: str | None = _optional("The contact's origin equals this.")
    lead_source: str | None = _optional("The contact's lead source equals this.")
    owner_filter: TetherOwnerScope | None = _optional("Whose contacts, as seen by the credential; ALL unless said.")
    owner_filter_user_id: str | None = _optional("One user's contacts, by Tether's user id; in place of ownerFilter.")
    owner: list[str] | None = _optional(
        "Any of these users is creator, owner or assignee, by Tether's user ids. Overrides ownerFilter."
    )
    assignee: list[str] | None = _optional("Any of these users is an assignee of the contact's conversations.")
    status: str | None = _optional("The stage's name equals this.")
    pipeline_stage: str | None = _optional("The stage's id equals this.")
    pipeline_id: str | None = _optional("The pipeline to ask; the organisation's active one unless said.")
    stages: list[str] | None = _optional("Only the stages with these names.")
    stage_id_by_name: list[TetherStageId] | None = _optional(
        "The ids of stages by their names: Tether then goes by the id, and finds contacts that still carry a renamed "
        "stage's old name."
    )
    custom_filters: list[TetherCustomFilter] | None = _optional("Conditions on custom fields; all have to hold.")
    bulk_only: bool | None = _optional("Only contacts that were created by a bulk import.")
    message_status: TetherMessageStatus | None = _optional("With or without messages.")
    last_message_time_range: TetherQuietFor | None = _optional("No message within this recent time.")
    last_message_date_range: DateTimeRange | None = _optional("With messages in this span.")


@strawberry.input(description="An object of the CRM that AskElephant is connected to.")
class AskElephantCrmAssociation:
    id: str = strawberry.field(description="The object's id in the CRM.")
    object_type: str = strawberry.field(
        description="The kind of object. AskElephant takes `contact` alone.", default="contact"
    )


@strawberry.input(description="AskElephant's own filters, applied by AskElephant itself.")
class AskElephantFilter:
    crm_associations: list[AskElephantCrmAssociation] | None = _optional(
        "Contacts that belong to any of these CRM objects; 1 to 20."
    )


@strawberry.input(description="Conditions on a text of WA.cr; all that are given have to hold.")
class WacrTextFilter:
    eq: str | None = _optional("Equals this.")
    ne: str | None = _optional("Does not equal this; holds for contacts without a value.")
    in_: list[str] | None = _optional("Equals one of these.", name="in")
    not_in: list[str] | None = _optional("Equals none of these; holds for contacts without a value.")
    like: str | None = _optional("Contains this.")
    gt: str | None = _optional("Later in the alphabet than this, without regard to case.")
    gte: str | None = _optional("This, or later in the alphabet.")
    lt: str | None = _optional("Earlier in the alphabet than this, without regard to case.")
    lte: str | None = _optional("This, or earlier in the alphabet.")
    between: list[str] | None = _optional("Between these two, both included: exactly two texts, the earlier first.")
    is_null: bool | None = _optional("Whether there is no value.")


@strawberry.input(description="Conditions on an id of WA.cr, which are whole numbers; all that are given have to hold.")
class WacrIdFilter:
    eq: ID | None = _optional("Equals this.")
    ne: ID | None = _optional("Does not equal this; holds for contacts without a value.")
    in_: list[ID] | None = _optional("Equals one of these.", name="in")
    not_in: list[ID] | None = _optional("Equals none of these; holds for contacts without a value.")
    like: str | None = _optional("Has these digits in a row.")
    gt: ID | None = _optional("Greater than this.")
    gte: ID | None = _optional("This or greater.")
    lt: ID | None = _optional("Less than this.")
    lte: ID | None = _optional("This or less.")
    between: list[ID] | None = _optional("Between these two, both included: exactly two ids, the smaller first.")
    is_null: bool | None = _optional("Whether there is no value.")


@strawberry.input(description="Conditions on an instant of WA.cr; all that are given have to hold.")
class WacrDateTimeFilter:
    eq: datetime | None = _optional("At exactly this instant.")
    ne: datetime | None = _optional("Not at this instant.")
    in_: list[datetime] | None = _optional("At one of these instants.", name="in")
    not_in: list[datetime] | None = _optional("At none of these instants.")
    like: str | None = _optional("Has this in its text, in RFC 3339 and UTC: `2026-01` for a month.")
    gt: datetime | None = _optional("Later than this.")
    gte: datetime | None = _optional("At this instant or later.")
    lt: datetime | None = _optional("Earlier than this.")
    lte: datetime | None = _optional("At this instant or earlier.")
    between: DateTimeRange | None = _optional("Between start and end, both included; both are needed.")
    is_null: bool | None = _optional("Whether there is no value.")


@strawberry.input(description="WA.cr's own filters.")
class WacrFilter:
    type: WacrTextFilter | None = _optional("The contact's type: lead, customer or guest.")
    status_id: WacrIdFilter | None = _optional("The status, by id.")
    source_id: WacrIdFilter | None = _optional("Where the contact came from, by id.")
    assigned_id: WacrIdFilter | None = _optional("The user in charge, by id.")
    group_id: WacrIdFilter | None = _optional("The contact's groups, by id.")
    created_at: WacrDateTimeFilter | None = _optional("When the contact was created.")


@strawberry.input(
    description=(
        "Conditions on contacts; all that are given have to hold, `{}` always does. What a source can filter by itself "
        "it is asked to; the rest is applied here, so the result is the same for every source. A null operand is an "
        "error: leave it out, or use `isNull`."
    )
)
class ContactFilter:
    and_: list[ContactFilter] | None = _optional("All of these hold; an empty list always does.", name="and")
    or_: list[ContactFilter] | None = _optional("Any of these holds; an empty list never does.", name="or")
    not_: ContactFilter | None = _optional("This does not hold: plain negation.", name="not")
    first_name: StringFilter | None = _optional("The first name.")
    last_name: StringFilter | None = _optional("The last name.")
    display_name: StringFilter | None = _optional("First and last name, joined by a space.")
    email: StringFilter | None = _optional("Any of the e-mail addresses.")
    phone: StringFilter | None = _optional(
        "Any of the phone numbers. `eq`, `ne`, `in` and `notIn` compare E.164 forms, the others the text as written."
    )
    company: StringFilter | None = _optional("The company's name.")
    status: StringFilter | None = _optional("The status, by name.")
    stage: StringFilter | None = _optional("The pipeline stage, by id or name.")
    tag: StringFilter | None = _optional("Any of the contact's tags, by id or name.")
    owner_id: StringFilter | None = _optional("The owner, by the source's own user id.")
    assignee_id: StringFilter | None = _optional("Any of the assignees, by the source's own user id.")
    created_at: DateTimeFilter | None = _optional("When the source created the contact.")
    updated_at: DateTimeFilter | None = _optional("When the source last changed the contact.")
    tether: TetherFilter | None = _optional(
        "Tether's own filters: of its sources' contacts alone, the others are left as they are. At the top or "
        "under `and`."
    )
    ask_elephant: AskElephantFilter | None = _optional(
        "AskElephant's own filters: of its sources' contacts alone. At the top or under `and`."
    )
    wacr: WacrFilter | None = _optional(
        "WA.cr's own filters: of its sources' contacts alone. At the top or under `and`."
    )
