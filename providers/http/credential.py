"""A token that does not show itself."""

from __future__ import annotations

import re

# What a header's value may be made of (RFC 9110, 5.5), without the obsolete bytes above ASCII.
_HEADER_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?")


# So many characters of a token in a row are a piece of it, and no accident.
_PIECE = 8


def reveals(text: str, authorization: str) -> bool:
    """Returns whether the text holds the token of an Authorization header's value, or a piece of it of eight
    characters. Upper and lower case are the same."""
    token = authorization.rpartition(" ")[2].lower()
    if not token:
        return False
    text = text.lower()
    if len(token) <= _PIECE:
        return token in text
    return any(text[at : at + _PIECE] in token for at in range(len(text) - _PIECE + 1))


def is_header_value(text: str) -> bool:
    """Returns whether the text can stand in a header: visible ASCII, no line breaks, not empty."""
    return _HEADER_VALUE.fullmatch(text) is not None


class Credential:
    """The token sent to a source, hidden from repr, str, logs and tracebacks that print arguments.

    Raises ValueError, without the token, when no header could hold it.
    """

    __slots__ = ("_token",)

    def __init__(self, token: str) -> None:
        if not is_header_value(token):
            raise ValueError("expected a token of visible ASCII characters, without line breaks")
        self._token = token

    def reveal(self) -> str:
        """Returns the token. For the Authorization header and digests only."""
        return self._token

    def authorization(self, scheme: str) -> str:
        """Returns the header's value: `scheme` "bearer" or "raw" (the key alone, AskElephant's API keys).

        A caller may have forwarded its own "Bearer …" whole: the scheme is not written twice.
        """
        if scheme == "raw":
            return self._token
        return self._token if self._token[:7].lower() == "bearer " else f"Bearer {self._token}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Credential) and other._token == self._token

    def __hash__(self) -> int:
        return hash(self._token)

    def __repr__(self) -> str:
        return "Credential(***)"
