"""HTTP/1 byte by byte: heads are bounded, nothing unread becomes a request, and old clients get no chunks."""

import asyncio
import gzip
import json
import re
import time
from urllib.parse import urlsplit

import pytest

from tests.conftest import Api

BODY = json.dumps({"query": '{ city(slug: "bonn") { name } }'}).encode()
ANSWER = b'{"data":{"city":{"name":"Bonn"}}}'
POST = b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
# Java's own HTTP client sends these with its first request.
H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
CLOSE = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
HIDDEN = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"


async def exchange(api: Api, *packets: bytes) -> bytes:
    """All that a server sends to a client that sends *packets* one after the other."""
    address = urlsplit(api.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        async with asyncio.timeout(10):
            for packet in packets:
                writer.write(packet)
                await writer.drain()
                # So that the server reads each packet alone.
                await asyncio.sleep(0.05)
            return await reader.read()
    finally:
        writer.close()


def statuses(answers: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+) ", answers)]


@pytest.mark.parametrize(
    "head",
    [
        b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 70_000,
        b"GET /healthz HTTP/1.1\r\n" + b"X: 123456789\r\n" * 7_000,
        b"GET /" + b"x" * 70_000,
        b"GET /healthz?" + b"x" * 66_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 66_000 + b"\r\n\r\n",
        b"\r\n" * 40_000,
        b"GET /graphql HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\nX: " + b"x" * 70_000,
    ],
    ids=["value", "many", "path", "query", "one packet", "blank lines", "websocket"],
)
async def test_a_head_over_the_limit_is_431(head: bytes, read_api: Api) -> None:
    pieces = [head[start : start + 30_000] for start in range(0, len(head), 30_000)]
    for packets in ([head], pieces):
        answer = await exchange(read_api, *packets)
        assert statuses(answer) == [431]
        assert answer.endswith(b"a request's head has at most 65536 bytes\n")


async def test_trailers_are_bounded_as_heads_are(read_api: Api) -> None:
    chunk = b"%x\r\n%b\r\n0\r\n" % (len(BODY), BODY)
    answer = await exchange(read_api, POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunk, *[b"x" * 20_000] * 4)
    assert statuses(answer) == [], "the request was not whole, so the connection ends without an answer"


async def test_a_head_without_end_costs_no_time(read_api: Api) -> None:
    """httptools copies a header's value again for each packet: 60 MB of it held the process for three seconds."""
    address = urlsplit(read_api.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(b"GET / HTTP/1.1\r\nX: ")
    longest = 0.0
    with pytest.raises(OSError):  # the server ends the connection at some packet
        for _ in range(3_000):
            writer.write(b"x" * 20_000)
            started = time.perf_counter()
            await writer.drain()
            await asyncio.sleep(0)
            longest = max(longest, time.perf_counter() - started)
        raise AssertionError("60 MB were read")
    assert longest < 1
    del reader


async def test_a_head_under_the_limit_is_read(read_api: Api) -> None:
    head = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: " + b"x" * 60_000
    assert statuses(await exchange(read_api, head + b"\r\n\r\n")) == [200]
    assert statuses(await exchange(read_api, head[:40_000], head[40_000:], b"\r\n\r\n")) == [200]


async def test_a_long_body_is_no_head(read_api: Api) -> None:
    body = BODY + b" " * 200_000
    head = POST + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    assert (await exchange(read_api, head, body[:100_000], body[100_000:])).endswith(ANSWER)


@pytest.mark.parametrize("upgrade", [H2C, b"Connection: upgrade\r\nUpgrade: h2c, websocket\r\n"])
async def test_another_upgrade_is_ignored_and_the_request_answered(upgrade: bytes, read_api: Api) -> None:
    for packets in (
        [POST + upgrade + LENGTH + b"\r\n" + BODY + CLOSE],
        [POST + upgrade + LENGTH + b"\r\n", BODY, CLOSE],
        [POST + upgrade + LENGTH + b"\r\n", BODY[:9], BODY[9:] + CLOSE],
        [POST, upgrade, LENGTH + b"\r", b"\n" + BODY[:9], BODY[9:], CLOSE],
        [POST + upgrade + b"Transfer-Encoding: chunked\r\n\r\n", b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY), CLOSE],
    ):
        answers = await exchange(read_api, *packets)
        assert statuses(answers) == [200, 200]
        assert ANSWER in answers
        assert b"\r\n\r\nhealthy" in answers


@pytest.mark.parametrize("upgrade", ["h2c", "websocket", "TLS/1.0"])
async def test_a_body_is_never_a_request(upgrade: str, read_api: Api) -> None:
    head = POST + f"Connection: upgrade\r\nUpgrade: {upgrade}\r\nContent-Length: {len(HIDDEN)}\r\n\r\n".encode()
    answers = await exchange(read_api, head, HIDDEN, CLOSE)
    assert statuses(answers) == [400, 200], "the body is no JSON, and the next request is answered"
    assert b"sci_http_requests" not in answers


async def test_after_connect_nothing_is_read(read_api: Api) -> None:
    answers = await exchange(read_api, b"CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n", HIDDEN)
    assert statuses(answers) == [405]


@pytest.mark.parametrize("first", [b"OPTIONS *", b"GET *"])
async def test_a_request_without_a_path_is_400(first: bytes, read_api: Api) -> None:
    answers = await exchange(read_api, first + b" HTTP/1.1\r\nHost: x\r\n\r\n", HIDDEN)
    assert statuses(answers) == [400]
    assert answers.endswith(b"name a path: * is none\n")


async def test_what_is_no_http_is_400_and_answers_nothing_else(read_api: Api) -> None:
    assert statuses(await exchange(read_api, b"HELO x\r\n", HIDDEN)) == [400]
    whole = POST + LENGTH + b"\r\n" + BODY
    answers = await exchange(read_api, whole + b"\x00\x00")
    assert statuses(answers) == [200], "what follows a request takes nothing from its answer"
    assert answers.endswith(ANSWER)


@pytest.mark.parametrize("path", ["/healthz", "/export/2025.csv", "/graphiql/"])
async def test_http_1_0_gets_no_chunks(path: str, read_api: Api) -> None:
    whole = (await read_api.client.get(path)).content
    answer = await exchange(read_api, f"GET {path} HTTP/1.0\r\n\r\n".encode())
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head.lower()
    assert b"connection: close" in head.lower()
    assert body == whole


async def test_a_stream_over_http_1_0_ends_with_the_connection(read_api: Api) -> None:
    head = POST.replace(b"1.1", b"1.0") + b"Accept: text/event-stream\r\n" + LENGTH + b"\r\n"
    answer = await exchange(read_api, head + BODY)
    assert answer.partition(b"\r\n\r\n")[2] == b":\n\nevent: next\ndata: " + ANSWER + b"\n\nevent: complete\ndata:\n\n"


@pytest.mark.parametrize("coding", ["gzip", "br", "gzip, identity"])
async def test_a_compressed_body_is_415(coding: str, read_api: Api) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": coding}
    answer = await read_api.client.post("/graphql", content=gzip.compress(BODY), headers=headers)
    assert (answer.status_code, answer.headers["accept-encoding"]) == (415, "identity")
    assert answer.json()["errors"][0]["message"] == "send the body uncompressed"
