"""What is wrong with a configuration, in words: one line a mistake, and no credential in any (DESIGN.md 2)."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

__all__ = ["ConfigurationError", "mistakes_of", "nearest", "one_line", "shown", "unknown_key"]

_EXPECTED: Final[Mapping[str, str]] = {
    "string_type": "a text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "model_type": "a table",
    "literal_error": "{expected}",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "string_pattern_mismatch": "a text that matches {pattern}",
    "string_too_short": "at least {min_length} characters",
    "string_too_long": "at most {max_length} characters",
    "finite_number": "a finite number",
}
# Where a value may be a credential by mistake it is not repeated, except when it should be a variable's name and is
# written like one: words joined by _, none with digits in the middle.
_MAY_BE_SECRET: Final = re.compile(
    r"token|secret|password|hash|key|redis|authorization|auth_scheme|bearer", re.IGNORECASE
)
_IS_URL: Final = re.compile(r"url|proxy", re.IGNORECASE)
_CALLERS: Final = re.compile(r"\bauth\.keys\[")
_CONVENTIONAL_VARIABLE: Final = re.compile(r"[A-Z]{1,15}[0-9]{0,2}(_[A-Z]{1,15}[0-9]{0,2})*")
_LONGEST_VARIABLE: Final = 40
_LONGEST_VALUE: Final = 200
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,15}://")
_USER_INFO: Final = re.compile(r".*(?:@|%40)", re.DOTALL)
# Behind a colon stands a port, or a password whose @ was forgotten.
_HOST: Final = re.compile(r"(?:\[[0-9A-Fa-f:.]{0,45}\]?|[^:\[\]]*)(?::[0-9]{0,5})?")


class ConfigurationError(Exception):
    """The configuration cannot be used. `lines`: one a mistake, each naming the key, the value and what was expected.

    No line holds a credential: values of keys that may hold one are left out.
    """

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


def mistakes_of(error: ValidationError, model: type[BaseModel]) -> tuple[str, ...]:
    """Returns a line for every mistake that pydantic found in the tables of `model`."""
    return tuple(dict.fromkeys(_mistake(each, model) for each in error.errors()))


def unknown_key(location: Sequence[str | int], known: Sequence[str]) -> str:
    """Returns the line about a key that does not exist. Its value is not shown: it may be a credential."""
    table = _path(location[:-1])
    near = nearest(str(location[-1]), known)
    if not table:
        place = "at the top of the file"
    else:
        place = f"in [[{table.split('[')[0]}]]" if table.endswith("]") else f"in [{table}]"
    hint = f"did you mean {near}?" if near else f"expected one of {', '.join(known)}"
    return one_line(f"{_path(location)}: no such key {place}; {hint}")


def nearest(name: str, known: Iterable[str]) -> str:
    """Returns the known name that somebody may have meant, "" when none is near."""
    return next(iter(difflib.get_close_matches(name, list(known), 1, 0.6)), "")


def shown(key: str, value: object) -> str:
    """Returns ` = value` for a line about a key; "" when the value is a table or may be a credential.

    Of a URL scheme and host are shown, of other texts what stands before a `?` or `#` and behind an `@`.
    """
    name = key.rpartition(".")[2]
    if value is None or isinstance(value, dict | list | tuple | BaseModel) or _CALLERS.search(key):
        return ""
    if _MAY_BE_SECRET.search(name):
        conventional = (
            name.endswith("_env")
            and isinstance(value, str)
            and len(value) <= _LONGEST_VARIABLE
            and _CONVENTIONAL_VARIABLE.fullmatch(value)
        )
        return f" = {_quoted(str(value))}" if conventional else ""
    if isinstance(value, bool):
        return f" = {str(value).lower()}"
    if not isinstance(value, str):
        return f" = {value!r}"
    if _IS_URL.search(name):
        # Without a scheme nobody knows what is meant: a host, or a token in the wrong place.
        return f" = {_quoted(_origin(value))}" if _SCHEME.match(value) else ""
    return f" = {_quoted(_without_secrets(value))}"


def one_line(text: str) -> str:
    """Returns the text without line breaks."""
    return " ".join(text.split())


def _mistake(error: Any, model: type[BaseModel]) -> str:
    location: tuple[str | int, ...] = error["loc"]
    kind: str = error["type"]
    if kind == "extra_forbidden":
        return unknown_key(location, _known_keys(location[:-1], model))
    key = _path(location)
    if kind == "missing":
        return f"{key}: is missing, expected a value"
    context = error.get("ctx", {})
    if kind == "value_error":
        expected = str(context["error"])
    else:
        template = _EXPECTED.get(kind)
        expected = f"expected {template.format(**context)}" if template else error["msg"]
    return one_line(f"{key}{shown(key, error['input'])}: {expected}")


def _known_keys(location: Sequence[str | int], model: type[BaseModel]) -> list[str]:
    """The keys of the table at a place."""
    for part in location:
        if isinstance(part, str):
            model = _model_in(model.model_fields[part].annotation) or model
    return [name for name, field in model.model_fields.items() if not field.exclude]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (tuple, Union, UnionType):
        return next((found for each in get_args(annotation) if (found := _model_in(each))), None)
    return None


def _path(location: Sequence[str | int]) -> str:
    """A key's path as one would write it: sources[1].base_url."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).removeprefix(".")


def _origin(url: str) -> str:
    """Scheme, host and port of a URL; *** and … stand for what is left out."""
    scheme = _SCHEME.match(url)
    start = scheme.end() if scheme else 0
    # A password may have any character, so all before the last @ may be one.
    rest = _USER_INFO.sub("", url[start:])
    place = re.split(r"[/?#\\]", rest, maxsplit=1)[0]
    host = _HOST.match(place)
    return "".join(
        (
            url[:start],
            "***@" if len(rest) < len(url) - start else "",
            place[: host.end()][:_LONGEST_VALUE] if host else "",
            "***" if host and host.end() < len(place) else "",
            "/…" if len(rest.rstrip("/")) > len(place) else "",
        )
    )


def _without_secrets(text: str) -> str:
    """The text without what a URL in it may hide; *** and … stand for what is left out."""
    if _SCHEME.match(text):
        return _origin(text)
    rest = _USER_INFO.sub("***@", text)
    before = re.split(r"[?#]", rest, maxsplit=1)[0]
    return before[:_LONGEST_VALUE] + ("…" if len(before[:_LONGEST_VALUE]) < len(rest) else "")


def _quoted(text: str) -> str:
    """The text as TOML has it: in double quotes, control characters escaped."""
    return '"' + repr(text)[1:-1].replace("\\'", "'").replace('"', '\\"') + '"'
