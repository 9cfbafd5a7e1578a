"""Reading query parameters and JSON bodies, with one clear error for each mistake."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import parse_qsl

from providers.fake_kit.errors import ApiError


def decode_query(query: bytes) -> list[tuple[str, str]]:
    """Returns names and values, percent-decoded once (trap 14), in the order sent, blank values kept."""
    return parse_qsl(query.decode("latin-1"), keep_blank_values=True)


class Parameters:
    """The query parameters of one request."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self.pairs = pairs

    def text(self, name: str, default: str = "") -> str:
        """Returns the last value sent under the name, or the default."""
        return next((value for key, value in reversed(self.pairs) if key == name), default)

    def texts(self, name: str) -> list[str]:
        """Returns all values of `name` and `name[]`, those with commas split; blank ones left out."""
        sent = [value for key, value in self.pairs if key in (name, f"{name}[]")]
        return [part for value in sent for part in value.split(",") if part]

    def number(self, name: str, default: int, *, status: int = 400) -> int:
        """Returns a whole number of at least 1, the default when not sent. Raises ApiError for anything else."""
        value = self.text(name)
        if not value:
            return default
        return whole_number(name, value, status=status)

    def refuse_unknown(self, known: Collection[str], *, strict: bool, status: int = 400) -> None:
        """Raises ApiError naming the first parameter the page does not know, when `strict`."""
        for name, _ in self.pairs:
            if strict and name not in known:
                raise ApiError(status, f"unknown parameter {name}", field=name, code="unknown_parameter")


def whole_number(name: str, value: object, *, status: int = 400) -> int:
    """Returns a number of at least 1 given as a number or in digits. Raises ApiError for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        number = int(value)
    else:
        number = 0
    if number < 1:
        raise ApiError(status, f"{name} must be a whole number of at least 1", field=name, code="invalid")
    return number


def json_object(name: str, value: object) -> dict[str, Any]:
    """Returns an object given as such or as JSON text. Raises ApiError (400) for anything else."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = None
    if not isinstance(value, dict):
        raise ApiError(400, f"{name} must be a JSON object", field=name, code="invalid")
    return value


def text_list(name: str, value: object) -> list[str]:
    """Returns a list of texts. Raises ApiError (400) for anything else."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ApiError(400, f"{name} must be an array of strings", field=name, code="invalid")
    return value


def refuse_unknown_keys(body: Mapping[str, Any], known: Collection[str], *, strict: bool) -> None:
    """Raises ApiError (400) naming the first key of a body that the page does not know, when `strict`."""
    for name in body:
        if strict and name not in known:
            raise ApiError(400, f"unknown key {name}", field=name, code="unknown_parameter")
