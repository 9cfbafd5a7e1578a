"""Which media type an answer gets, and which a request may have (GraphQL over HTTP, "Media Types")."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

__all__ = ["GRAPHQL_RESPONSE", "JSON", "accepts_html", "answer_type", "is_utf8_json"]

JSON: Final = "application/json"
GRAPHQL_RESPONSE: Final = "application/graphql-response+json"

_UTF8: Final = frozenset({"utf-8", "utf8"})


@lru_cache(maxsize=256)
def answer_type(accept: str) -> str | None:
    """Returns the media type to answer with, None when none of ours is acceptable (406).

    The type with the higher weight wins; with equal weights GRAPHQL_RESPONSE, but only when it is named: a client
    that says no more than `*/*`, or nothing, gets JSON (the audits 47DE and 80D8 of graphql-http).
    """
    ranges = _ranges(accept)
    if not accept.strip():
        return JSON
    named = {media_type for media_type, _ in ranges}
    json = _weight(JSON, ranges)
    graphql_response = _weight(GRAPHQL_RESPONSE, ranges)
    if graphql_response > json or (graphql_response == json > 0 and GRAPHQL_RESPONSE in named):
        return GRAPHQL_RESPONSE
    return JSON if json > 0 else None


@lru_cache(maxsize=256)
def accepts_html(accept: str) -> bool:
    """Returns whether this is a browser that opens a page: HTML is named, and liked no less than JSON."""
    ranges = _ranges(accept)
    html = _weight("text/html", ranges)
    ours = max(_weight(JSON, ranges), _weight(GRAPHQL_RESPONSE, ranges))
    return any(media_type == "text/html" for media_type, _ in ranges) and html > 0 and html >= ours


@lru_cache(maxsize=64)
def is_utf8_json(content_type: str) -> bool:
    """Returns whether a body of this Content-Type is JSON in UTF-8, the one encoding that JSON has (RFC 8259)."""
    media_type, parameters = _media_type(content_type)
    return media_type == JSON and parameters.get("charset", "utf-8").lower() in _UTF8


def _ranges(accept: str) -> list[tuple[str, float]]:
    """The media ranges of an Accept header with their weights; what is malformed is left out."""
    ranges = []
    for part in accept.split(","):
        media_type, parameters = _media_type(part)
        try:
            weight = float(parameters.get("q", "1"))
        except ValueError:
            continue
        if "/" in media_type and 0 <= weight <= 1 and parameters.get("charset", "utf-8").lower() in _UTF8:
            ranges.append((media_type, weight))
    return ranges


def _weight(media_type: str, ranges: list[tuple[str, float]]) -> float:
    """The weight of a media type by the most specific range that it falls into (RFC 9110, 12.5.1); 0: not wanted."""
    for wanted in (media_type, f"{media_type.partition('/')[0]}/*", "*/*"):
        weights = [weight for found, weight in ranges if found == wanted]
        if weights:
            return max(weights)
    return 0.0


def _media_type(text: str) -> tuple[str, dict[str, str]]:
    media_type, *parameters = text.split(";")
    pairs = (parameter.partition("=") for parameter in parameters)
    return media_type.strip().lower(), {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs}
