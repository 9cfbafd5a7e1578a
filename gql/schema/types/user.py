"""User: somebody who works in a source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import strawberry

from gql.schema.core.fields import instances_of
from gql.schema.types.node import Node
from providers.spi.record import UserRecord

if TYPE_CHECKING:
    from gql.schema.types.source import Source


@strawberry.federation.type(
    keys=["id"], shareable=True, description="Somebody who works in a source, such as a contact's owner."
)
class User(Node):
    is_type_of = instances_of(UserRecord)

    source: Annotated[Source, strawberry.lazy("gql.schema.types.source")] = strawberry.field(
        description="The source that knows the user."
    )
    native_id: str = strawberry.field(description="The source's own id of the user.")
    name: str | None = strawberry.field(description="The name; null where the source gives the id alone.")
    email: str | None = strawberry.field(description="The e-mail address; null where the source gives the id alone.")
