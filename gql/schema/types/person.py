"""Person: the same human being in several sources."""

from __future__ import annotations

import strawberry

from gql.schema.types.connection import SourceSlice
from gql.schema.types.contact import Contact


@strawberry.type(
    description=(
        "The same person in several sources: contacts that share an e-mail address or a phone number. Nothing is "
        "merged; the contacts stand beside each other."
    )
)
class Person:
    contacts: list[Contact] = strawberry.field(description="The person's contacts.")
    display_name: str | None = strawberry.field(description="The first of the contacts' names; null when none has one.")
    emails: list[str] = strawberry.field(description="All the contacts' e-mail addresses, each once.")
    phones: list[str] = strawberry.field(description="All the contacts' phone numbers, each once.")
    sources: list[SourceSlice] = strawberry.field(
        description="Which sources were asked, how they fared, and what could not be searched."
    )
