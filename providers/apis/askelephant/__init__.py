"""AskElephant's public API v2."""

from providers.apis.askelephant.client import AskElephant
from providers.apis.askelephant.decode import AskElephantDetails, AskElephantEmail, AskElephantPhone

__all__ = ["AskElephant", "AskElephantDetails", "AskElephantEmail", "AskElephantPhone"]
