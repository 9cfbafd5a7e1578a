"""The four fakes with sources over them, in this process: what tests of resolvers stand on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from providers.apis.fakes import FAKES, FakeApp, Switches
from providers.cache.store import MemoryCache
from providers.http.credential import Credential
from providers.registry import PROVIDERS
from providers.settings import SourceSettings
from providers.source import Source
from providers.spi.record import ContactRecord, SourceRecord, global_id
from resolvers.contacts import ContactsQuestion, contacts
from resolvers.model.records import ContactConnectionRecord, Outcome
from resolvers.model.selection import Wanted
from resolvers.paging.arguments import PageArguments
from resolvers.request.operation import Operation

TOKEN = "a-token-of-the-tests"


class World:
    """Fakes by source name, and sources that ask them. Two sources may share a provider.

    `cached`: behind a cache, as the gateway has one; what was asked once is not asked again in these tests.
    """

    def __init__(
        self,
        rows: Mapping[str, Any],
        *,
        switches: Mapping[str, Switches] | None = None,
        providers: Mapping[str, str] | None = None,
        cached: bool = False,
        **settings: Any,
    ) -> None:
        if cached:
            settings = {"cache_ttl": 60.0, **settings}
        self._cache = MemoryCache(100_000_000) if cached else None
        self.fakes: dict[str, FakeApp] = {}
        self.sources: dict[str, Source] = {}
        for name, people in rows.items():
            provider = (providers or {}).get(name, name)
            fake = FAKES[provider](people, token=TOKEN, switches=(switches or {}).get(name))
            self.fakes[name] = fake
            self.sources[name] = self._source(name, provider, fake, settings)

    def _source(self, name: str, provider: str, fake: FakeApp, settings: Mapping[str, Any]) -> Source:
        made = SourceSettings(
            name=name,
            provider=provider,
            base_url="http://fake.invalid",
            token_env="TOKEN",
            **{"cache_ttl": 0.0, "retries": 0, **settings},
        )
        return Source(
            made,
            PROVIDERS[provider](made),
            SourceRecord(global_id("Source", name, name), name, provider, made.default_region),
            httpx.ASGITransport(app=fake),
            self._cache,
            credential=Credential(TOKEN),
        )

    def operation(self, **arguments: Any) -> Operation:
        return Operation(self.sources, **arguments)

    def calls(self, name: str) -> int:
        return len(self.fakes[name].calls)

    def forget_calls(self) -> None:
        for fake in self.fakes.values():
            fake.calls.clear()

    async def page(self, wanted: Wanted = Wanted(), **arguments: Any) -> Outcome:
        """One page in an operation of its own; `first`, `after` and so on as in GraphQL."""
        page = PageArguments(*(arguments.pop(name, None) for name in ("first", "after", "last", "before")))
        return await contacts(self.operation(), ContactsQuestion(page, **arguments), wanted)

    async def connection(self, wanted: Wanted = Wanted(), **arguments: Any) -> ContactConnectionRecord:
        outcome = await self.page(wanted, **arguments)
        assert outcome.failures == [], [failure.message for failure in outcome.failures]
        assert isinstance(outcome.connection, ContactConnectionRecord)
        return outcome.connection

    async def walk(self, sizes: Sequence[int], *, limit: int = 5_000, **arguments: Any) -> list[ContactRecord]:
        """All contacts by `first` and `after`, in pages of these sizes in turn."""
        found: list[ContactRecord] = []
        after: str | None = None
        for turn in range(limit):
            page = await self.connection(first=sizes[turn % len(sizes)], after=after, **arguments)
            found += page.nodes
            if not page.page_info.has_next_page:
                return found
            assert page.page_info.end_cursor is not None
            after = page.page_info.end_cursor
        raise AssertionError(f"more than {limit} pages")

    async def walk_back(self, sizes: Sequence[int], *, limit: int = 5_000, **arguments: Any) -> list[ContactRecord]:
        """All contacts by `last` and `before`, in pages of these sizes in turn; in the list's own direction."""
        found: list[ContactRecord] = []
        before: str | None = None
        for turn in range(limit):
            page = await self.connection(last=sizes[turn % len(sizes)], before=before, **arguments)
            found = page.nodes + found
            if not page.page_info.has_previous_page:
                return found
            assert page.page_info.start_cursor is not None
            before = page.page_info.start_cursor
        raise AssertionError(f"more than {limit} pages")


def ids(records: Sequence[ContactRecord]) -> list[str]:
    return [f"{record.source.name}:{record.native_id}" for record in records]
