"""AskElephant's public API v2."""

from providers.askelephant.client import AskElephant
from providers.askelephant.decode import AskElephantDetails, AskElephantEmail, AskElephantPhone

__all__ = ["AskElephant", "AskElephantDetails", "AskElephantEmail", "AskElephantPhone"]
