"""Reading JSON that is almost what an API's page describes: tolerant where the meaning is plain, else an error.

A number is taken for a text, digits for a number, 0 and 1 for a truth value, an empty string for a missing value and
a date in a looser form than RFC 3339. Types hold no enums: msgspec quotes an unknown member's value in its message,
and the reasons made here quote none.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from types import UnionType
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import inspect

from providers.spi.provider import InvalidAnswer

T = TypeVar("T")

# What reading a row may raise: bad JSON or types (DecodeError) and bad UTF-8 are both ValueErrors; a date at the
# calendar's edge overflows when it is brought to UTC; nesting without end is a RecursionError.
UNREADABLE = (ValueError, OverflowError, RecursionError)
# What a field declared `msgspec.Raw = msgspec.Raw()` holds when it is missing, null, or an empty string (DESIGN.md 3).
NOTHING = (b"", b"null", b'""')


class TolerantDecoder(Generic[T]):
    """Decodes JSON text into a type: strictly, and when that fails with the tolerances named above."""

    def __init__(self, kind: type[T] | UnionType) -> None:
        self._kind: Any = kind
        self._strict: msgspec.json.Decoder[T] = msgspec.json.Decoder(self._kind)
        self._shape = inspect.type_info(kind)

    def decode(self, text: bytes | msgspec.Raw) -> T:
        """Returns the value. Raises ValueError, OverflowError or RecursionError when there is none."""
        try:
            return self._strict.decode(text)
        except msgspec.ValidationError:
            value: T = msgspec.convert(_loosened(msgspec.json.decode(text), self._shape), self._kind)
            return value

    def body(self, body: bytes, expected: str) -> T:
        """Returns the decoded body. Raises InvalidAnswer with `expected` in its text."""
        return _decoded(self.decode, body, expected)

    def value(self, text: msgspec.Raw) -> T | None:
        """Returns the value of a field of no documented type: None when it is missing or of another type."""
        try:
            return self.decode(text) if bytes(text) not in NOTHING else None
        except UNREADABLE:
            return None


def decode_body(decoder: msgspec.json.Decoder[T], body: bytes, expected: str) -> T:
    """Returns the decoded body. Raises InvalidAnswer with `expected` in its text, and never anything of the body."""
    return _decoded(decoder.decode, body, expected)


def _decoded(decode: Callable[[bytes], T], body: bytes, expected: str) -> T:
    try:
        try:
            return decode(body)
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError:
            return decode(_with_whole_characters(body))
    except msgspec.ValidationError:
        raise InvalidAnswer(f"expected {expected}") from None
    except UNREADABLE:
        raise InvalidAnswer(f"expected JSON with {expected}; the answer is not JSON, or was cut off") from None


# An escaped character: a surrogate pair, half of one (caught), or any other.
_ESCAPED = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.", re.DOTALL
)


def _with_whole_characters(body: bytes) -> bytes:
    """Returns the body with U+FFFD for every half of a surrogate pair.

    Programs that count in UTF-16 cut texts in the middle of an emoji and escape the half that is left: JSON's grammar
    allows it, and one contact's message would else cost its whole page.
    """
    return _ESCAPED.sub(lambda match: rb"\ufffd" if match[1] else match[0], body)


def _loosened(value: Any, shape: inspect.Type) -> Any:
    """Returns the value bent towards the declared type where its meaning is plain, else as it is.

    msgspec.convert judges the result. Its own lax mode is not used: that reads any number as a Unix time.
    """
    if isinstance(shape, inspect.UnionType):
        if value == "" and not any(isinstance(member, inspect.StrType) for member in shape.types):
            return None
        return _loosened(value, _fitting(value, shape))
    if isinstance(shape, inspect.StrType):
        return as_text(value)
    if isinstance(shape, inspect.DateTimeType):
        return _as_instant(value)
    if isinstance(shape, inspect.IntType | inspect.FloatType):
        return as_whole(value)
    if isinstance(shape, inspect.BoolType):
        return _TRUTH.get(value, value) if isinstance(value, str | int) else value
    if isinstance(shape, inspect.ListType) and isinstance(value, list):
        return [_loosened(item, shape.item_type) for item in value]
    if isinstance(shape, inspect.StructType) and isinstance(value, dict):
        shapes = {field.encode_name: field.type for field in shape.fields}
        return {name: _loosened(item, shapes[name]) for name, item in value.items() if name in shapes}
    if isinstance(shape, inspect.DictType) and isinstance(value, dict):
        return {name: _loosened(item, shape.value_type) for name, item in value.items()}
    if isinstance(shape, inspect.RawType):
        return msgspec.Raw(msgspec.json.encode(value))
    return value


_TRUTH: dict[str | int, bool] = {0: False, 1: True, "0": False, "1": True, "false": False, "true": True}


def _fitting(value: Any, shape: inspect.UnionType) -> inspect.Type:
    """Returns the union's member that a value of this JSON type is meant for, its first one when there is none."""
    kinds = _JSON_KINDS.get(type(value), ())
    members = [member for member in shape.types if not isinstance(member, inspect.NoneType)]
    return next((member for member in members if isinstance(member, kinds)), members[0])


_JSON_KINDS: dict[type, tuple[type[inspect.Type], ...]] = {
    dict: (inspect.StructType, inspect.DictType),
    list: (inspect.ListType,),
    str: (inspect.StrType,),
    int: (inspect.IntType, inspect.FloatType, inspect.StrType),
    float: (inspect.FloatType, inspect.IntType, inspect.StrType),
}


def as_text(value: Any) -> Any:
    """Returns a number as text (1.0 as "1": a number has no other spelling here), anything else as it is."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def as_whole(value: Any) -> Any:
    """Returns digits and a float without a fraction as an int, anything else as it is."""
    # No count has more digits than that, and int() refuses texts of thousands.
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        return int(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _as_instant(value: Any) -> Any:
    """Returns the time that a text means where msgspec's RFC 3339 is too strict for it (no seconds, a date alone)."""
    # fromisoformat reads bare digits as a date too; here a number is no date.
    if isinstance(value, str) and value.strip()[4:5] == "-":
        try:
            return datetime.fromisoformat(value.strip())
        except ValueError:
            pass
    return value


def reason(error: BaseException) -> str:
    """Returns why a row is bad, the field first, without any value of it."""
    if isinstance(error, msgspec.ValidationError):
        text, _, path = str(error).partition(" - at `$")
        path = path.removesuffix("`")
        if text.startswith("Object missing required field"):
            return f"{_path(path)}{text.split('`')[1]}: missing"
        text = "expected an RFC 3339 time" if text.startswith("Invalid RFC3339") else text[:1].lower() + text[1:]
        return f"{path.removeprefix('.')}: {text}" if path else text
    return "not readable as JSON text"


def _path(path: str) -> str:
    return f"{path.removeprefix('.')}." if path else ""
