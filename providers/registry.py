"""Which providers there are: one line each."""

from __future__ import annotations

from collections.abc import Callable

from providers.askelephant import AskElephant
from providers.autokonnect import AutoKonnect
from providers.provider import Provider
from providers.settings import SourceSettings
from providers.tether import Tether
from providers.wacr import Wacr

PROVIDERS: dict[str, Callable[[SourceSettings], Provider]] = {
    "tether": Tether,
    "askelephant": AskElephant,
    "wacr": Wacr,
    "autokonnect": AutoKonnect,
}
