"""WA.cr's APP API v2."""

from providers.wacr.client import Wacr
from providers.wacr.decode import WacrDetails

__all__ = ["Wacr", "WacrDetails"]
