"""What the four fakes share: the gate in front (log, credentials, faults), and the application with its state."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from providers.fake_kit import faults
from providers.fake_kit.errors import ApiError
from providers.fake_kit.parameters import Parameters, decode_query
from providers.fake_kit.store import Store
from providers.fake_kit.switches import Fault, RetryAfterForm, Switches

DEMO_CREDENTIAL = "demo"
"""What a fake accepts unless it is told another token. It opens made-up data on loopback and nothing else."""


class Call(NamedTuple):
    """One request as it came in. Headers are left out on purpose: they hold the credential."""

    method: str
    path: str
    parameters: list[tuple[str, str]]
    body: Any


class FakeApp(Starlette):
    """A Starlette application that plays one API.

    `store`, `switches` and `calls` are also under `state`, for code that knows only Starlette. `errors` words a
    refusal in the API's own form; `accepts` judges the Authorization header (None when it was not sent).
    """

    def __init__(
        self,
        routes: Sequence[BaseRoute],
        *,
        store: Store,
        switches: Switches | None,
        errors: Callable[[ApiError], Response],
        accepts: Callable[[str | None], bool],
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.store = store
        self.switches = Switches() if switches is None else switches
        self.calls: list[Call] = []
        self.errors = errors
        self.accepts = accepts
        self.headers = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
        super().__init__(
            routes=routes,
            middleware=[Middleware(Gate, fake=self)],
            exception_handlers={ApiError: self._refuse, HTTPException: self._refuse_route},
        )
        self.state.store = store
        self.state.switches = self.switches
        self.state.calls = self.calls

    def parameters(self, request: Request) -> Parameters:
        """Returns the query parameters, percent-decoded once."""
        return Parameters(decode_query(request.scope["query_string"]))

    async def _refuse(self, request: Request, error: Exception) -> Response:
        return self.errors(cast(ApiError, error))

    async def _refuse_route(self, request: Request, error: Exception) -> Response:
        missed = cast(HTTPException, error)
        response = self.errors(ApiError(missed.status_code, missed.detail, code="route"))
        response.headers.update(missed.headers or {})
        return response


class Gate:
    """Logs every call, then delays, breaks, refuses or passes it on, as the switches say."""

    def __init__(self, app: ASGIApp, fake: FakeApp) -> None:
        self.app = app
        self.fake = fake

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = await _whole_body(receive)
        self._log(scope, body)
        switches = self.fake.switches
        fault = switches.take_fault(scope["path"])
        if switches.latency:
            await asyncio.sleep(switches.latency)
        if fault is not None and fault.kind == "hang":
            await faults.hang(receive)
            return
        answer = self._early(scope, fault)
        if answer is None:
            answer = await self._answer(scope, body)
        answer.headers.extend(self.fake.headers)
        if fault is None or fault.kind in faults.BEFORE_THE_APPLICATION:
            await answer.send(send)
        else:
            await faults.send_spoilt(answer, fault, send)

    def _log(self, scope: Scope, body: bytes) -> None:
        try:
            content = json.loads(body) if body else None
        except ValueError:
            content = body.decode("utf-8", "replace")
        self.fake.calls.append(Call(scope["method"], scope["path"], decode_query(scope["query_string"]), content))

    def _early(self, scope: Scope, fault: Fault | None) -> faults.Answer | None:
        """Returns what is answered without asking the application, or None."""
        switches = self.fake.switches
        if fault is not None and fault.kind in ("html", "html_200", "redirect"):
            return faults.page_in_front(fault)
        if fault is not None and fault.kind == "status":
            return self._refusal(fault.status, "ordered by the test")
        if fault is not None and fault.kind == "rate_limit":
            return self._too_many(fault.retry_after, fault.seconds)
        every = switches.rate_limit_every
        if every is not None and len(self.fake.calls) % every == 0:
            return self._too_many(switches.rate_limit_form, switches.rate_limit_seconds)
        headers = dict(scope["headers"])
        sent = headers.get(b"authorization")
        if not self.fake.accepts(None if sent is None else sent.decode("latin-1")):
            return self._refusal(401, "invalid or missing credential")
        if scope["path"] in switches.missing_endpoints:
            return self._refusal(404, "Not Found")
        return None

    def _refusal(self, status: int, message: str) -> faults.Answer:
        response = self.fake.errors(ApiError(status, message))
        return faults.Answer(response.status_code, list(response.raw_headers), bytes(response.body))

    def _too_many(self, form: RetryAfterForm, seconds: float) -> faults.Answer:
        answer = self._refusal(429, "too many requests")
        answer.headers.extend(faults.retry_after(form, seconds))
        return answer

    async def _answer(self, scope: Scope, body: bytes) -> faults.Answer:
        answer = faults.Answer(500, [], b"")
        asked = False

        async def replay() -> Message:
            nonlocal asked
            if asked:
                return {"type": "http.disconnect"}
            asked = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = list(message["headers"])
            else:
                answer.body += message.get("body", b"")

        await self.app(scope, replay, collect)
        return answer


async def _whole_body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def json_answer(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Returns a JSON answer."""
    return JSONResponse(content, status, headers=headers)


def bearer(token: str) -> Callable[[str | None], bool]:
    """Returns a judge of Authorization headers that takes `Bearer <token>` alone (the scheme in any case)."""

    def accepts(header: str | None) -> bool:
        scheme, _, credential = (header or "").partition(" ")
        return scheme.lower() == "bearer" and credential.strip() == token

    return accepts
