"""The gateway over the demo's four servers on real sockets, and some of the demo's contacts by their native ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from gql.configuration.file import Configuration
from gql.http.app import create_app
from providers.apis.fakes import DEMO_CREDENTIAL, FAKES, FakeApp, demo_people, serve
from providers.settings import SourceSettings
from providers.spi.record import global_id

TETHER = "909da31e72d7770e21e05daf"
TETHER_SECOND = "d184db39bdb22fa8c4cdacbd"
ASKELEPHANT = "cnt_nh62tl3ne94vmrg0vd8q"
WACR = "1001"
WACR_DELETED = "1006"
AUTOKONNECT = "1234568449"
AGENT_ID = global_id("User", "tether", "c8f4929140b5ba0b4a141bdd")


def contact_id(source: str, native_id: str) -> str:
    return global_id("Contact", source, native_id)


@dataclass
class Demo:
    """The gateway over the demo's four servers: its address, and the servers by source name."""

    url: str
    fakes: dict[str, FakeApp]

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        async with httpx.AsyncClient(trust_env=False) as client:
            response = await client.post(self.url, json={"query": query, "variables": variables})
        assert response.status_code == httpx.codes.OK, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def calls(self) -> dict[str, Counter[str]]:
        """How many requests each source got, by path."""
        return {name: Counter(call.path for call in fake.calls) for name, fake in self.fakes.items() if fake.calls}


@asynccontextmanager
async def open_demo() -> AsyncIterator[Demo]:
    """The gateway over fresh servers, which run in this event loop until the block is left; nothing is cached."""
    people = demo_people()
    fakes = {provider: make(people) for provider, make in FAKES.items()}
    async with AsyncExitStack() as servers:
        sources = [
            SourceSettings(
                name=name,
                provider=name,
                base_url=await servers.enter_async_context(serve(fake)),
                token_env="TOKEN",
                default_region="KE",
                cache_ttl=0,
            )
            for name, fake in fakes.items()
        ]
        configuration = Configuration(sources=tuple(sources), environment={"TOKEN": DEMO_CREDENTIAL})
        origin = await servers.enter_async_context(serve(create_app(configuration)))
        yield Demo(f"{origin}/graphql", fakes)
