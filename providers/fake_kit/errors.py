"""What a fake refuses, before its API's own wording."""

from __future__ import annotations


class ApiError(Exception):
    """A refused request: the HTTP status, a sentence, and the parameter and machine code when there are such."""

    def __init__(self, status: int, message: str, *, field: str | None = None, code: str = "error") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.field = field
        self.code = code
