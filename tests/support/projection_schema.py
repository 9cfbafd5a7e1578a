"""A small schema over records for the tests of projection, and how two answers are compared."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Annotated, Any

import msgspec
import strawberry
from graphql import ExecutionResult, execute, parse
from strawberry.permission import BasePermission
from strawberry.schema.config import StrawberryConfig

from gql.projection.executor import Projection, ProjectionRegistry

# ---------------------------------------------------------------- records


class Level(Enum):
    LOW = "low"
    HIGH = "high"


class TagRecord(msgspec.Struct):
    key: Any = "t1"
    name: Any = "lead"
    color: Any = None


class SourceRecord(msgspec.Struct):
    key: Any = "s1"
    name: Any = "sales"


class MailRecord(msgspec.Struct):
    opens: Any = 3
    note: Any = "by mail"


class CallRecord(msgspec.Struct):
    minutes: Any = 1.5
    note: Any = "by phone"


class ContactRecord(msgspec.Struct):
    key: Any = "c1"
    name: Any = "Zoë"
    nickname: Any = None
    age: Any = 41
    score: Any = 0.5
    weight: Any = 2.25
    active: Any = True
    level: Any = Level.HIGH
    wish: Any = None
    created_at: Any = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
    updated_at: Any = None
    raw: Any = msgspec.field(default_factory=lambda: {"id": 1, "nested": {"at": [1, None]}})
    emails: Any = msgspec.field(default_factory=lambda: ["zoe@example.com"])
    labels: Any = None
    grid: Any = msgspec.field(default_factory=lambda: [[1, 2], None, []])
    tags: Any = msgspec.field(default_factory=lambda: [TagRecord()])
    best: Any = None
    source: Any = msgspec.field(default_factory=SourceRecord)
    detail: Any = msgspec.field(default_factory=MailRecord)
    related: Any = msgspec.field(default_factory=list)


class LeadRecord(msgspec.Struct):
    """A second class of the type Contact, without most of its members."""

    key: Any = "l1"
    name: Any = "Lead"
    nickname: Any = None

    @property
    def age(self) -> int:
        return 7


class EdgeRecord(msgspec.Struct):
    cursor: Any = "x"
    node: Any = msgspec.field(default_factory=ContactRecord)


class ConnectionRecord(msgspec.Struct):
    edges: Any = msgspec.field(default_factory=lambda: [EdgeRecord()])
    total: Any = 1


class Nobody(BasePermission):
    message = "nobody may"

    def has_permission(self, source: Any, info: strawberry.Info, **kwargs: Any) -> bool:
        return False


def key_of(record: Any) -> Any:
    """The computed `id` of every node."""
    return f"{type(record).__name__}:{record.key}" if isinstance(record.key, str) else record.key


def is_a(*classes: type) -> Any:
    return classmethod(lambda cls, value, info: isinstance(value, classes))


@strawberry.interface
class Node:
    @strawberry.field
    def id(self) -> strawberry.ID:
        return key_of(self)  # type: ignore[no-any-return]


@strawberry.type
class Tag(Node):
    is_type_of = is_a(TagRecord)
    name: str
    color: str | None


@strawberry.type
class Source(Node):
    is_type_of = is_a(SourceRecord)
    name: str


@strawberry.type
class Mail:
    is_type_of = is_a(MailRecord)
    opens: int
    note: str | None


@strawberry.type
class Call:
    is_type_of = is_a(CallRecord)
    minutes: float
    note: str | None


JSON = strawberry.scalar(name="JSON", serialize=lambda value: value, parse_value=lambda value: value)


class Anything:
    """The Python side of the scalar JSON."""


@strawberry.type
class Contact(Node):
    is_type_of = is_a(ContactRecord, LeadRecord)
    name: str
    nickname: str | None
    age: int | None
    score: float | None
    weight: float
    active: bool | None
    level: strawberry.enum(Level)  # type: ignore[valid-type]
    wish: strawberry.enum(Level) | None  # type: ignore[valid-type]
    created_at: datetime
    updated_at: datetime | None
    raw: Anything
    emails: list[str]
    labels: list[str | None] | None
    grid: list[list[int] | None]
    tags: list[Tag]
    best: Contact | None
    source: Source | None
    owner: Node | None = strawberry.field(resolver=lambda root: getattr(root, "source", None))
    detail: Annotated[Mail | Call, strawberry.union("Detail")] | None
    related: list[Node | None]
    secret: str | None = strawberry.field(default=None, permission_classes=[Nobody])

    @strawberry.field
    def shout(self, word: str = "hey") -> str:
        return f"{word} {self.name}!"

    @strawberry.field
    async def later(self) -> str:
        await asyncio.sleep(0)
        return f"later {self.name}"

    @strawberry.field
    async def friends(self) -> list[Contact]:
        await asyncio.sleep(0)
        return self.related  # type: ignore[return-value]


@strawberry.type
class Edge:
    cursor: str
    node: Contact


@strawberry.type
class Connection:
    edges: list[Edge]
    total: int | None

    @strawberry.field
    async def nodes(self) -> list[Contact]:
        await asyncio.sleep(0)
        return [edge.node for edge in self.edges]


@strawberry.type
class Query:
    @strawberry.field
    async def contacts(self, info: strawberry.Info) -> list[Contact] | None:
        await asyncio.sleep(0)
        return info.context["contacts"]  # type: ignore[no-any-return]

    @strawberry.field
    def maybe(self, info: strawberry.Info) -> list[Contact | None] | None:
        return info.context["contacts"]  # type: ignore[no-any-return]

    @strawberry.field
    def contact(self, info: strawberry.Info, nth: int = 0) -> Contact | None:
        return info.context["contacts"][nth]  # type: ignore[no-any-return]

    @strawberry.field
    async def nodes(self, info: strawberry.Info) -> list[Node | None] | None:
        await asyncio.sleep(0)
        return info.context["nodes"]  # type: ignore[no-any-return]

    @strawberry.field
    def page(self, info: strawberry.Info) -> Connection | None:
        return info.context["page"]  # type: ignore[no-any-return]

    @strawberry.field
    def words(self, info: strawberry.Info) -> list[str] | None:
        return info.context["words"]  # type: ignore[no-any-return]


def utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("a DateTime needs an offset")
    return value.astimezone(UTC)


DATE_TIME = strawberry.scalar(name="DateTime", serialize=utc, parse_value=datetime.fromisoformat)
CONFIG = StrawberryConfig(scalar_map={datetime: DATE_TIME, Anything: JSON})
SCHEMA = strawberry.Schema(Query, types=[Tag, Source], config=CONFIG)._schema


@strawberry.type
class Shouted:
    name: str


@strawberry.type
class ShoutingQuery:
    @strawberry.field
    def shouted(self) -> Shouted:
        return TagRecord()  # type: ignore[return-value]


SHOUTING = StrawberryConfig(default_resolver=lambda source, name: getattr(source, name).upper())
SHOUTING_SCHEMA = strawberry.Schema(ShoutingQuery, config=SHOUTING)._schema


def registry(**without: bool) -> ProjectionRegistry:
    """All record classes of the schema but those of the named types."""
    registered = ProjectionRegistry()
    registered.scalar("DateTime", datetime)
    registered.scalar("JSON", dict, list, str, int, float, bool, msgspec.Raw)
    classes: list[tuple[str, type, Mapping[str, Any]]] = [
        ("Contact", ContactRecord, {"id": key_of, "owner": "source", "shout": lambda r: f"hey {r.name}!"}),
        ("Contact", LeadRecord, {"id": key_of}),
        ("Tag", TagRecord, {"id": key_of}),
        ("Source", SourceRecord, {"id": key_of}),
        ("Mail", MailRecord, {}),
        ("Call", CallRecord, {}),
        ("Edge", EdgeRecord, {}),
        ("Connection", ConnectionRecord, {}),
    ]
    for name, record_class, computed in classes:
        if without.get(name, True):
            registered.register(name, record_class, computed)
    return registered


STRUCTS = Projection(SCHEMA, registry())
DICTS = Projection(SCHEMA, registry(), structs=False)
OFF = Projection(SCHEMA, registry(), enabled=False)


# ---------------------------------------------------------------- odd values


class Failure(Exception):
    """An exception that a String would take for an object with a text."""


class Foreign:
    """A class that nobody registered."""

    name = "foreign"
    related = ()

    def __repr__(self) -> str:
        return "a foreigner"


class Later:
    """An awaitable that can be awaited any number of times, and left alone."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __await__(self) -> Generator[Any, None, Any]:
        yield from asyncio.sleep(0).__await__()
        return self.value


class Loud(str):
    """A subclass of str: not what the fast path expects, and still a string."""

    __slots__ = ()


class Level2(Enum):
    LOW = "low"


# ---------------------------------------------------------------- comparing


ANYTHING = msgspec.json.Encoder(enc_hook=str)
"""For the foreign objects that broken data put into JSON."""


def outcome(result: ExecutionResult) -> tuple[bytes, list[str]]:
    """The data as it is sent (the order of keys counts) and the errors, whose order is left open."""
    errors = [repr((error.message, error.path, error.locations)) for error in result.errors or ()]
    return ANYTHING.encode(result.data), sorted(errors)


async def by_graphql_core(
    query: str, context: Mapping[str, Any], variables: dict[str, Any] | None = None
) -> ExecutionResult:
    result: Any = execute(SCHEMA, parse(query), None, context, variables)
    return result if isinstance(result, ExecutionResult) else await result


def people(*contacts: Any) -> dict[str, Any]:
    records = list(contacts)
    return {"contacts": records, "nodes": records, "page": ConnectionRecord([EdgeRecord("x", r) for r in records])}
