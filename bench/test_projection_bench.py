"""Projection and encoding of a page of 100 contacts, against plain execution.

Run with `pytest bench/test_projection_bench.py`. The query: sixteen fields a contact (two dates, one enum), its tags,
and cursors.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import msgspec
import pytest
import strawberry
from graphql import ExecutionResult, parse
from pytest_benchmark.fixture import BenchmarkFixture
from strawberry.schema.config import StrawberryConfig

from gql.projection.executor import Plans, ProjectingExecutor, Projection, ProjectionRegistry, encode

QUERY = """
{
  contacts {
    edges {
      cursor
      node {
        id nativeId displayName firstName lastName email emails phone phones phoneE164 company avatarUrl status kind
        createdAt updatedAt
        tags { id name color }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""


class Kind(Enum):
    PERSON = "person"
    COMPANY = "company"


class TagRecord(msgspec.Struct, frozen=True):
    id: str
    name: str
    color: str | None


class ContactRecord(msgspec.Struct, frozen=True):
    id: str
    native_id: str
    display_name: str | None
    first_name: str | None
    last_name: str | None
    email: str | None
    emails: list[str]
    phone: str | None
    phones: list[str]
    phone_e164: str | None
    company: str | None
    avatar_url: str | None
    status: str | None
    kind: Kind
    created_at: datetime
    updated_at: datetime | None
    tags: list[TagRecord]


class EdgeRecord(msgspec.Struct, frozen=True):
    cursor: str
    node: ContactRecord


class PageInfoRecord(msgspec.Struct, frozen=True):
    has_next_page: bool
    end_cursor: str | None


class ConnectionRecord(msgspec.Struct, frozen=True):
    edges: list[EdgeRecord]
    page_info: PageInfoRecord


@strawberry.type
class Tag:
    id: strawberry.ID
    name: str
    color: str | None


@strawberry.type
class Contact:
    id: strawberry.ID
    native_id: str
    display_name: str | None
    first_name: str | None
    last_name: str | None
    email: str | None
    emails: list[str]
    phone: str | None
    phones: list[str]
    phone_e164: str | None = strawberry.field(name="phoneE164")
    company: str | None
    avatar_url: str | None
    status: str | None
    kind: strawberry.enum(Kind)  # type: ignore[valid-type]
    created_at: datetime
    updated_at: datetime | None
    tags: list[Tag]


@strawberry.type
class Edge:
    cursor: str
    node: Contact


@strawberry.type
class PageInfo:
    has_next_page: bool
    end_cursor: str | None


@strawberry.type
class Connection:
    edges: list[Edge]
    page_info: PageInfo


@strawberry.type
class Query:
    @strawberry.field
    def contacts(self, info: strawberry.Info) -> Connection:
        return info.context  # type: ignore[no-any-return]


def a_contact(index: int) -> ContactRecord:
    return ContactRecord(
        id=f"Q29udGFjdDp{index:08}",
        native_id=f"c{index}",
        display_name=f"Zoë Müller {index}",
        first_name="Zoë",
        last_name=f"Müller {index}",
        email=f"zoe.{index}@example.com",
        emails=[f"zoe.{index}@example.com"],
        phone=f"+2547000{index:05}",
        phones=[f"+2547000{index:05}"],
        phone_e164=f"+2547000{index:05}",
        company=None,
        avatar_url=f"https://example.com/{index}.png",
        status="open",
        kind=Kind.PERSON,
        created_at=datetime(2026, 1, 1, 12, 30, index % 60, tzinfo=UTC),
        updated_at=datetime(2026, 2, 1, 12, 30, index % 60, tzinfo=UTC) if index % 4 else None,
        tags=[TagRecord(f"t{n}", f"tag {n}", "#ff0000") for n in range(index % 4)],
    )


CONTACTS = ConnectionRecord(
    edges=[EdgeRecord(cursor=f"b2Zmc2V0OjA{index}", node=a_contact(index)) for index in range(100)],
    page_info=PageInfoRecord(has_next_page=True, end_cursor="b2Zmc2V0OjA99"),
)


def projection(**options: bool) -> Projection:
    registry = ProjectionRegistry()
    registry.register("Contact", ContactRecord)
    registry.register("Tag", TagRecord)
    registry.register("Edge", EdgeRecord)
    registry.register("PageInfo", PageInfoRecord)
    registry.register("Connection", ConnectionRecord)
    registry.scalar("DateTime", datetime)
    scalar = strawberry.scalar(name="DateTime", serialize=lambda value: value, parse_value=datetime.fromisoformat)
    schema = strawberry.Schema(Query, config=StrawberryConfig(scalar_map={datetime: scalar}))
    return Projection(schema._schema, registry, **options)


def execute(prepared: Projection, plans: Plans) -> ExecutionResult:
    executor = ProjectingExecutor.build(
        prepared.schema, plans.document, None, CONTACTS, projection=prepared, plans=plans
    )
    result: Any = executor.execute_operation()  # type: ignore[union-attr]
    assert result.errors is None
    return result  # type: ignore[no-any-return]


@pytest.mark.parametrize("options", [{}, {"structs": False}, {"enabled": False}], ids=["structs", "dicts", "plain"])
def test_execute_100_contacts(benchmark: BenchmarkFixture, options: dict[str, bool]) -> None:
    prepared, plans = projection(**options), Plans(parse(QUERY))
    expected = encode(execute(projection(enabled=False), Plans(parse(QUERY))))
    execute(prepared, plans)
    assert encode(benchmark(execute, prepared, plans)) == expected


@pytest.mark.parametrize("options", [{}, {"structs": False}], ids=["structs", "dicts"])
def test_project_100_contacts(benchmark: BenchmarkFixture, options: dict[str, bool]) -> None:
    prepared, plans = projection(**options), Plans(parse(QUERY))
    execute(prepared, plans)
    execute(prepared, plans)
    (variant,) = plans._variants.values()
    (plan,) = variant.plans.values()
    assert plan is not None
    benchmark(plan, CONTACTS)


@pytest.mark.parametrize("options", [{}, {"structs": False}], ids=["structs", "dicts"])
def test_encode_100_contacts(benchmark: BenchmarkFixture, options: dict[str, bool]) -> None:
    prepared, plans = projection(**options), Plans(parse(QUERY))
    execute(prepared, plans)
    assert len(benchmark(encode, execute(prepared, plans))) > 30_000


def test_compile_a_page_of_contacts(benchmark: BenchmarkFixture) -> None:
    prepared, document = projection(), parse(QUERY)

    def compile_and_execute() -> None:
        plans = Plans(document)
        plans.variant({})
        execute(prepared, plans)
        assert plans.compiled == 1

    benchmark(compile_and_execute)


def test_a_request_awaits_nothing_it_need_not(benchmark: BenchmarkFixture) -> None:
    prepared, plans = projection(), Plans(parse(QUERY))
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        result = benchmark(lambda: loop.run_until_complete(prepared.execute(plans, context_value=CONTACTS)))
    assert result.errors is None
