"""Tether's contacts API."""

from providers.apis.tether.client import Tether
from providers.apis.tether.decode import TetherDetails

__all__ = ["Tether", "TetherDetails"]
