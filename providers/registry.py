"""Which providers there are: one line each."""

from __future__ import annotations

from collections.abc import Callable

from providers.apis.askelephant import AskElephant
from providers.apis.autokonnect import AutoKonnect
from providers.apis.tether import Tether
from providers.apis.wacr import Wacr
from providers.settings import SourceSettings
from providers.spi.provider import Provider

PROVIDERS: dict[str, Callable[[SourceSettings], Provider]] = {
    "tether": Tether,
    "askelephant": AskElephant,
    "wacr": Wacr,
    "autokonnect": AutoKonnect,
}
