"""Contact: a contact of one source."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import strawberry
from strawberry import UNSET

from gql.errors import ErrorCode, request_error
from gql.schema.core.arguments import names
from gql.schema.core.context import Info
from gql.schema.core.fields import field, instances_of
from gql.schema.core.outcomes import report_over_budget
from gql.schema.core.scalars import JSON
from gql.schema.core.selection import parts
from gql.schema.types.details import ContactDetails
from gql.schema.types.node import Node
from gql.schema.types.source import Source
from gql.schema.types.stage import PipelineStage
from gql.schema.types.tag import Tag
from gql.schema.types.user import User
from providers.spi.record import ContactRecord
from resolvers import persons, sources, stages, users
from resolvers.planning.phone_numbers import phone_e164

if TYPE_CHECKING:
    from gql.schema.types.person import Person


def raw(contact: ContactRecord) -> msgspec.Raw:
    """Returns the source's own record, as it wrote it."""
    return contact.raws.row(contact.index)


def _raw(parent: strawberry.Parent[ContactRecord]) -> msgspec.Raw:
    return raw(parent)


def _phone_e164(parent: strawberry.Parent[ContactRecord]) -> str | None:
    return phone_e164(parent)


def _details(parent: strawberry.Parent[ContactRecord], info: Info) -> Any:
    return sources.details(info.context.operation, parent)


# These three return the awaitable: a contact without a stage, owner or assignee costs no task.


def _stage(parent: strawberry.Parent[ContactRecord], info: Info) -> Any:
    return None if parent.stage_ref is None else stages.contact_stage(info.context.operation, parent, parts(info))


def _owner(parent: strawberry.Parent[ContactRecord], info: Info) -> Any:
    return None if parent.owner_ref is None else users.owner(info.context.operation, parent, parts(info))


def _assignees(parent: strawberry.Parent[ContactRecord], info: Info) -> Any:
    return users.assignees(info.context.operation, parent, parts(info)) if parent.assignee_refs else []


def _refuse_under_another(info: Info) -> None:
    """Raises QUERY_TOO_COMPLEX when `matches` or `person` stands under another one.

    Whoever matches a contact is matched by the same contacts: each level would multiply the answer and add nobody.
    """
    below = path = info._raw_info.path
    while path is not None:
        if path.typename is not None:
            # Of a contact's fields only these two lead to a contact or a person.
            if path is not below and path.typename == "Contact" and below.typename in ("Contact", "Person"):
                raise request_error(
                    ErrorCode.QUERY_TOO_COMPLEX,
                    "matches and person of a contact cannot be asked for under one another: a contact's matches match"
                    " the same contacts (no setting)",
                )
            below = path
        path = path.prev  # type: ignore[assignment]


async def _matches(
    parent: strawberry.Parent[ContactRecord],
    info: Info,
    sources: Annotated[
        list[str] | None,
        strawberry.argument(description="The names of the sources to look in; all others when omitted."),
    ] = UNSET,
) -> list[ContactRecord]:
    _refuse_under_another(info)
    operation = info.context.operation
    found = await persons.matches(operation, parent, names(sources), parts(info))
    if operation.matching_over is not None:
        report_over_budget(info, operation.matching_over)
    return found


async def _person(parent: strawberry.Parent[ContactRecord], info: Info) -> Any:
    _refuse_under_another(info)
    return await persons.person_of(info.context.operation, parent, parts(info, "contacts"))


@strawberry.federation.type(
    keys=["id", "nativeId source { name }"],
    description="A contact as one source has it. What the source lacks is null or an empty list.",
)
class Contact(Node):
    is_type_of = instances_of(ContactRecord)

    source: Source = strawberry.field(description="The source that the contact comes from.")
    native_id: str = strawberry.field(description="The source's own id of the contact.")
    display_name: str | None = strawberry.field(
        description="First and last name, joined by a space; null when both are missing."
    )
    first_name: str | None = strawberry.field(description="The first name.")
    last_name: str | None = strawberry.field(description="The last name.")
    email: str | None = strawberry.field(description="The main e-mail address.")
    emails: list[str] = strawberry.field(description="All e-mail addresses.")
    phone: str | None = strawberry.field(description="The main phone number as the source wrote it.")
    phones: list[str] = strawberry.field(description="All phone numbers as the source wrote them.")
    phone_e164: str | None = field(
        _phone_e164,
        description=(
            "The main phone number in E.164 form, e.g. `+254712345678`; null when there is none or it is no number. "
            "Numbers without a country are read as of the source's region."
        ),
    )
    company: str | None = strawberry.field(description="The company's name.")
    avatar_url: str | None = strawberry.field(description="Where a picture of the contact is.")
    status: str | None = strawberry.field(description="The status, by name.")
    stage: PipelineStage | None = field(_stage, description="Where the contact stands in a pipeline.")
    tags: list[Tag] = strawberry.field(description="The contact's tags, or its groups in WA.cr.")
    owner: User | None = field(_owner, description="Who is in charge of the contact.")
    assignees: list[User] = field(_assignees, description="Who works with the contact.")
    created_at: datetime | None = strawberry.field(description="When the source created the contact.")
    updated_at: datetime | None = strawberry.field(description="When the source last changed the contact.")
    details: ContactDetails | None = field(_details, description="What only this contact's provider has, typed.")
    raw: JSON = field(_raw, description="The source's own record, untouched.")
    matches: list[Annotated[Contact, strawberry.lazy("gql.schema.types.contact")]] = field(
        _matches,
        description=(
            "The same person in the other sources: contacts with one of the e-mail addresses or phone numbers. As "
            "far as the sources answered; never an error. `person` says how each source fared."
        ),
    )
    person: Annotated[Person, strawberry.lazy("gql.schema.types.person")] = field(
        _person, description="The contact with its matches, and how each source fared in finding them."
    )
