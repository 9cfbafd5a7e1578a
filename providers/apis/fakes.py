"""Small servers that play the four contact APIs; the demo ships them and the tests use them.

They model the outside: nothing here imports the rest of `providers`. What an API page leaves open is a switch
(`Switches`); rows can be changed between calls (`FakeApp.store`); every call is logged (`FakeApp.calls`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from providers.apis.askelephant.fake.server import AskElephantFake, askelephant_app
from providers.apis.autokonnect.fake.server import AutokonnectFake, autokonnect_app
from providers.apis.tether.fake.server import TetherFake, tether_app
from providers.apis.wacr.fake.server import WacrFake, wacr_app
from providers.fake_kit.made_up.people import DemoPeople, demo_people
from providers.fake_kit.server import DEMO_CREDENTIAL, Call, FakeApp
from providers.fake_kit.serving import ServerThread, serve
from providers.fake_kit.store import Row, Store
from providers.fake_kit.switches import DEMO_NOW, Fault, Switches


class FakeFactory(Protocol):
    """Makes a fake: of made-up people, of rows in the API's own form, or of so many contacts of its own."""

    def __call__(
        self,
        people: DemoPeople | Sequence[Row] | int | None = None,
        *,
        token: str = DEMO_CREDENTIAL,
        switches: Switches | None = None,
    ) -> FakeApp:
        """Returns the fake; without `people` it holds the demo's."""


FAKES: dict[str, FakeFactory] = {
    "tether": tether_app,
    "askelephant": askelephant_app,
    "wacr": wacr_app,
    "autokonnect": autokonnect_app,
}
"""A factory for every provider, by its registry name."""

__all__ = [
    "DEMO_CREDENTIAL",
    "DEMO_NOW",
    "FAKES",
    "AskElephantFake",
    "AutokonnectFake",
    "Call",
    "DemoPeople",
    "FakeApp",
    "FakeFactory",
    "Fault",
    "Row",
    "ServerThread",
    "Store",
    "Switches",
    "TetherFake",
    "WacrFake",
    "askelephant_app",
    "autokonnect_app",
    "demo_people",
    "serve",
    "tether_app",
    "wacr_app",
]
