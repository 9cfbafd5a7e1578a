"""Faults on the wire: answers that never reach the application, and answers spoilt on their way out."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from starlette.types import Message, Receive, Send

from providers.fake_kit.switches import Fault, RetryAfterForm

Headers = list[tuple[bytes, bytes]]

BEFORE_THE_APPLICATION = frozenset({"status", "rate_limit", "html", "html_200", "redirect", "hang"})
PROXY_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>"
ERROR_IN_200 = {"success": False, "error": "the database is away", "data": None}
ROW_KEYS = ("data", "dataByStatus", "contacts")


@dataclass
class Answer:
    """A whole HTTP answer."""

    status: int
    headers: Headers
    body: bytes

    async def send(self, send: Send) -> None:
        """Sends it, with its true length."""
        await send(_start(self, len(self.body)))
        await send({"type": "http.response.body", "body": self.body, "more_body": False})


def _start(answer: Answer, length: int) -> Message:
    kept = [(name, value) for name, value in answer.headers if name.lower() != b"content-length"]
    sized = [*kept, (b"content-length", str(length).encode())]
    return {"type": "http.response.start", "status": answer.status, "headers": sized}


def retry_after(form: RetryAfterForm, seconds: float) -> Headers:
    """Returns the Retry-After header in seconds, as an HTTP date, or none at all."""
    if form == "absent":
        return []
    if form == "seconds":
        return [(b"retry-after", f"{seconds:g}".encode())]
    moment = datetime.now(UTC) + timedelta(seconds=seconds)
    return [(b"retry-after", format_datetime(moment, usegmt=True).encode())]


async def hang(receive: Receive) -> None:
    """Waits until the client has gone away."""
    while (await receive())["type"] != "http.disconnect":
        pass


def page_in_front(fault: Fault) -> Answer:
    """Returns what a proxy in front of the API answers: an HTML page or a redirect to another host."""
    if fault.kind == "redirect":
        return Answer(302, [(b"location", b"http://elsewhere.example.com/")], b"")
    status = 200 if fault.kind == "html_200" else fault.status
    return Answer(status, [(b"content-type", b"text/html; charset=utf-8")], PROXY_PAGE)


async def send_spoilt(answer: Answer, fault: Fault, send: Send) -> None:
    """Sends an answer with a fault of those that come after the application."""
    if fault.kind == "reset":
        await send(_start(answer, len(answer.body) + 1000))
        await send({"type": "http.response.body", "body": answer.body, "more_body": False})
        return
    if fault.kind == "slow":
        half = len(answer.body) // 2
        await send(_start(answer, len(answer.body)))
        await send({"type": "http.response.body", "body": answer.body[:half], "more_body": True})
        await asyncio.sleep(fault.seconds)
        await send({"type": "http.response.body", "body": answer.body[half:], "more_body": False})
        return
    await _spoilt(answer, fault).send(send)


def _spoilt(answer: Answer, fault: Fault) -> Answer:
    if fault.kind == "truncated":
        return Answer(answer.status, answer.headers, answer.body[: len(answer.body) // 2])
    if fault.kind == "error_200":
        return Answer(200, answer.headers, json.dumps(ERROR_IN_200).encode())
    if fault.kind == "null_rows":
        return Answer(answer.status, answer.headers, _with_rows(answer.body, lambda rows: None))
    if fault.kind == "wrong_type":
        return Answer(answer.status, answer.headers, _with_rows(answer.body, lambda rows: 42))
    if fault.kind == "wrong_row":
        return Answer(answer.status, answer.headers, _with_rows(answer.body, _first_row_wrong))
    if fault.kind == "huge":
        return Answer(answer.status, answer.headers, b" " * fault.size + answer.body)
    if fault.kind == "unknown_encoding":
        return Answer(answer.status, [*answer.headers, (b"content-encoding", b"x-fake")], answer.body)
    compressed = gzip.compress(answer.body) if fault.kind == "gzip" else _bomb(answer.body, fault.size)
    return Answer(answer.status, [*answer.headers, (b"content-encoding", b"gzip")], compressed)


def _bomb(body: bytes, size: int) -> bytes:
    press = zlib.compressobj(9, wbits=31)
    block = b" " * 65_536
    parts = [press.compress(block) for _ in range(size // len(block))]
    return b"".join([*parts, press.compress(body), press.flush()])


def _with_rows(body: bytes, change: Any) -> bytes:
    document = json.loads(body)
    for key in ROW_KEYS:
        if key in document:
            document[key] = change(document[key])
    return json.dumps(document).encode()


def _first_row_wrong(rows: Any) -> Any:
    """Returns the rows, wherever they lie below `rows`, with every field of the first but its ids made a list."""
    if isinstance(rows, list) and rows:
        return [{k: v if k in ("id", "_id") else [] for k, v in rows[0].items()}, *rows[1:]]
    if isinstance(rows, dict):
        return {key: _first_row_wrong(value) for key, value in rows.items()}
    return rows
