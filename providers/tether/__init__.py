"""Tether's contacts API."""

from providers.tether.client import Tether
from providers.tether.decode import TetherDetails

__all__ = ["Tether", "TetherDetails"]
