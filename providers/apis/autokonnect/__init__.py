"""AutoKonnect's contacts API."""

from providers.apis.autokonnect.client import AutoKonnect
from providers.apis.autokonnect.decode import AutokonnectDetails

__all__ = ["AutoKonnect", "AutokonnectDetails"]
