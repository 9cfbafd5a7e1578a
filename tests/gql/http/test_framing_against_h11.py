"""Where a request ends is the same for our server and for h11, a parser that shares no code with it, or it is refused.

A proxy in front that frames a request differently would let one client write into another's: so whatever the two read
differently gets no 200 from us.
"""

from __future__ import annotations

import asyncio
from itertools import pairwise

import h11
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.gql.http.test_protocol import serving

METHODS = st.sampled_from([b"GET", b"POST", b"PUT", b"OPTIONS", b"get", b"P@ST", b"CONNECT", b""])
TARGETS = st.sampled_from([b"/", b"/a?b=c", b"*", b"/a b", b"http://x/a", b"/\xff", b""])
VERSIONS = st.sampled_from([b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"HTTP/1.1 ", b"http/1.1"])
ENDS = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b"\r\n ", b" \r\n"])
LENGTHS = [
    b"0",
    b"3",
    b"4",
    b"+3",
    b"-1",
    b"3, 3",
    b"3,4",
    b" 3 ",
    b"0x3",
    b"3_0",
    b"\xb2",
    b"",
    b"99999999999999999999",
]
CODINGS = [
    b"chunked",
    b"Chunked",
    b"gzip, chunked",
    b"chunked, gzip",
    b"identity",
    b" chunked ",
    b"chunked;q=1",
    b"xchunked",
]
BODIES = st.sampled_from(
    [
        b"",
        b"abc",
        b"abcd",
        b"3\r\nabc\r\n0\r\n\r\n",
        b"3;x=y\r\nabc\r\n0\r\n\r\n",
        b"3\r\nabc\r\n0\r\nTrailer: x\r\n\r\n",
        b"03\r\nabc\r\n00\r\n\r\n",
        b"3\nabc\n0\n\n",
        b"+3\r\nabc\r\n0\r\n\r\n",
        b"3 \r\nabc\r\n0\r\n\r\n",
        b"0x3\r\nabc\r\n0\r\n\r\n",
        b"3\r\nabcX0\r\n\r\n",
        b"fffffffffffffffff\r\nabc",
        b"0\r\n\r\nGET /inside HTTP/1.1\r\nHost: x\r\n\r\n",
    ]
)
HEADERS = st.one_of(
    st.sampled_from(LENGTHS).map(lambda value: b"Content-Length: " + value),
    st.sampled_from(CODINGS).map(lambda value: b"Transfer-Encoding: " + value),
    st.sampled_from(
        [
            b"Content-Length : 3",
            b" Content-Length: 3",
            b"Content-Length\t: 3",
            b"Transfer-Encoding : chunked",
            b"Transfer_Encoding: chunked",
            b"X: a\0b",
            b"X: \x80",
            b"X",
            b": x",
            b"Connection: close",
            b"Connection: Upgrade",
            b"Upgrade: websocket",
            b"Expect: 100-continue",
            b"Host: x",
            b"X-Plain: y",
        ]
    ),
)


@st.composite
def written(draw: st.DrawFn) -> bytes:
    """A request, mostly almost right."""
    plain = draw(st.integers(0, 2)) == 0
    if plain:
        body = draw(st.binary(max_size=5))
        return b"POST /plain HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    head = draw(METHODS) + b" " + draw(TARGETS) + b" " + draw(VERSIONS) + draw(ENDS)
    headers = [b"Host: x", *draw(st.lists(HEADERS, max_size=3))]
    return head + b"".join(header + draw(ENDS) for header in headers) + b"\r\n" + draw(BODIES)


def by_h11(data: bytes) -> list[tuple[bytes, bytes, bytes]]:
    """The requests that h11 reads, each with its body, up to the first thing that it refuses."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=100_000)
    connection.receive_data(data)
    connection.receive_data(b"")
    found: list[tuple[bytes, bytes, bytes]] = []
    request: h11.Request | None = None
    body = b""
    try:
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Request):
                request, body = event, b""
                if request.method == b"CONNECT":
                    # What follows would be a tunnel's.
                    return found
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage) and request is not None:
                found.append((bytes(request.method), bytes(request.target), body))
                connection.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
                connection.send(h11.EndOfMessage())
                if connection.our_state is not h11.DONE:
                    return found
                connection.start_next_cycle()
            else:
                return found
    except h11.RemoteProtocolError:
        return found


async def by_ours(data: bytes, cuts: list[int]) -> tuple[list[tuple[bytes, bytes, bytes]], bytes]:
    """The requests that our server gave to the application, each with its body, and all that it wrote."""
    async with serving() as served:
        client = await served.client()
        places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
        for start, stop in pairwise(places):
            await client.send(data[start:stop])
            await asyncio.sleep(0)
        if client.writer.can_write_eof():
            client.writer.write_eof()
        answers = await client.rest()
        requests = [
            (
                scope["method"].encode(),
                scope["raw_path"] + (b"?" + query if (query := scope["query_string"]) else b""),
                body,
            )
            for scope, body in zip(served.app.asked, served.app.bodies, strict=False)
        ]
    return requests, answers


@given(requests=st.lists(written(), min_size=1, max_size=3), cuts=st.lists(st.integers(0, 400), max_size=3))
@settings(max_examples=600, deadline=None, derandomize=True)
async def test_what_is_answered_is_framed_as_h11_frames_it(requests: list[bytes], cuts: list[int]) -> None:
    data = b"".join(requests)
    ours, answers = await by_ours(data, cuts)
    theirs = by_h11(data)
    assert [(method, body) for method, _, body in ours] == [(method, body) for method, _, body in theirs[: len(ours)]]
    for (_, target, _), (_, expected, _) in zip(ours, theirs, strict=False):
        assert expected.endswith(target)
    plain = 0
    for request in requests:
        if not request.startswith(b"POST /plain HTTP/1.1\r\nHost: x\r\n"):
            break
        plain += 1
    assert len(ours) >= plain, answers
    assert answers.count(b"HTTP/1.1 200") == len(ours)
