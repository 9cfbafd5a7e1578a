"""WA.cr's APP API v2."""

from providers.apis.wacr.client import Wacr
from providers.apis.wacr.decode import WacrDetails

__all__ = ["Wacr", "WacrDetails"]
