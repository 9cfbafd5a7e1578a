"""The embedded default: small servers on loopback that speak the four APIs, configured as sources (DESIGN.md 2)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from gql.configuration.file import Configuration
from gql.configuration.settings import ServerSettings
from providers.apis.fakes import DEMO_CREDENTIAL, FAKES, demo_people, serve
from providers.settings import SourceSettings

__all__ = ["demo_configuration"]

_VARIABLE: Final = "DEMO_TOKEN"
_REGION: Final = "KE"
"""Where most of the made-up people are: their numbers are often written without a country."""


@asynccontextmanager
async def demo_configuration() -> AsyncIterator[Configuration]:
    """Gives a configuration over the four servers, which run in this event loop until the block is left."""
    people = demo_people()
    async with AsyncExitStack() as servers:
        sources = tuple(
            [
                SourceSettings(
                    name=provider,
                    provider=provider,
                    base_url=await servers.enter_async_context(serve(make(people))),
                    token_env=_VARIABLE,
                    default_region=_REGION,
                )
                for provider, make in FAKES.items()
            ]
        )
        yield Configuration(
            server=ServerSettings(explain=True), sources=sources, environment={_VARIABLE: DEMO_CREDENTIAL}
        )
