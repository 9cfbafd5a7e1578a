"""AutoKonnect's contacts API."""

from providers.autokonnect.client import AutoKonnect
from providers.autokonnect.decode import AutokonnectDetails

__all__ = ["AutoKonnect", "AutokonnectDetails"]
