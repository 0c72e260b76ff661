"""Following rankings over WebSocket and server-sent events: the newest at once, then every newer one."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import websockets
from websockets.asyncio.client import ClientConnection
from websockets.typing import Origin, Subprotocol

from db.settings import Settings
from tests.conftest import Api, Recompute, running_api

EVENT_SECONDS = 15
TRANSPORT = Subprotocol("graphql-transport-ws")
FOLLOW = """subscription($edition: Int, $since: Int) { rankingRecomputed(edition: $edition, since: $since) {
  previousRevision changes { newRank category { code } city { slug result { score } } }
  ranking { revision entry(city: "krefeld") { score city { result { score } history { score } } } } } }"""
SUBMIT = """mutation($value: Float) { submitScores(input: {edition: 2025, scores: [
  {city: "krefeld", measure: "payment", value: $value}]}) { submission { revision } errors { message } } }"""


class Socket:
    """A connection that speaks graphql-transport-ws."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, **message: Any) -> None:
        await self.connection.send(json.dumps(message))

    async def receive(self) -> Any:
        async with asyncio.timeout(EVENT_SECONDS):
            text = await self.connection.recv()
        assert isinstance(text, str), "a binary frame closes graphql-ws clients"
        return json.loads(text)

    async def subscribe(self, query: str = FOLLOW, id_: str = "1", **variables: Any) -> None:
        await self.send(type="subscribe", id=id_, payload={"query": query, "variables": variables})

    async def event(self) -> Any:
        """The payload of the next event of a subscription to rankings."""
        message = await self.receive()
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message
        return message["payload"]["data"]["rankingRecomputed"]

    async def closed(self) -> int | None:
        """The code with which the server closes."""
        async with asyncio.timeout(EVENT_SECONDS):
            await self.connection.wait_closed()
        return self.connection.close_code


@asynccontextmanager
async def connected(api: Api, token: str | None = None) -> AsyncIterator[Socket]:
    """An acknowledged connection."""
    async with websockets.connect(f"{api.url.replace('http', 'ws')}/graphql", subprotocols=[TRANSPORT]) as connection:
        socket = Socket(connection)
        await socket.send(type="connection_init", payload={"Authorization": f"Bearer {token}"} if token else {})
        assert await socket.receive() == {"type": "connection_ack"}
        yield socket


async def submit(api: Api, recompute: Recompute, value: float) -> None:
    payload = (await api.data(SUBMIT, {"value": value}, api.token()))["submitScores"]
    assert payload["errors"] == []
    await recompute()


async def test_each_event_is_one_ranking_and_never_an_older_one(api: Api, recompute: Recompute) -> None:
    async with connected(api) as socket:
        await socket.subscribe()
        scores = []
        for revision, value in enumerate([None, 60, 20, 80], start=1):
            if value is not None:
                await submit(api, recompute, value)
            event = await socket.event()
            entry = event["ranking"]["entry"]
            assert event["ranking"]["revision"] == revision
            assert event["previousRevision"] == (revision - 1 or None)
            # Everything in one event is of one revision, however it is reached.
            assert entry["city"]["result"]["score"] == entry["city"]["history"][-1]["score"] == entry["score"]
            moved = [c for c in event["changes"] if c["city"]["slug"] == "krefeld" and c["category"] is None]
            assert [change["city"]["result"]["score"] for change in moved] == [entry["score"]] * (revision > 1)
            scores.append(entry["score"])
        assert scores[0] > scores[3] > scores[1] > scores[2]


async def test_since_leaves_out_what_is_known(api: Api, recompute: Recompute) -> None:
    await submit(api, recompute, 60)
    async with connected(api) as socket:
        await socket.subscribe(since=1, edition=2025)
        assert (await socket.event())["ranking"]["revision"] == 2
        await socket.subscribe(id_="2", since=2)
        await submit(api, recompute, 20)
        assert sorted([(await socket.event())["ranking"]["revision"] for _ in range(2)]) == [3, 3]


async def test_a_client_that_leaves_gets_nothing_more(api: Api, recompute: Recompute) -> None:
    async with connected(api) as staying, connected(api) as leaving:
        for socket in (staying, leaving):
            await socket.subscribe()
            assert (await socket.event())["ranking"]["revision"] == 1
        await leaving.send(type="complete", id="1")
        await leaving.send(type="ping")
        assert await leaving.receive() == {"type": "pong"}
        await submit(api, recompute, 60)
        assert (await staying.event())["ranking"]["revision"] == 2
        await leaving.send(type="ping")
        assert await leaving.receive() == {"type": "pong"}


async def test_queries_and_mutations_share_the_socket(api: Api) -> None:
    async with connected(api, api.token()) as socket:
        await socket.subscribe(SUBMIT, value=50)
        message = await socket.receive()
        assert message["payload"]["data"]["submitScores"] == {"submission": {"revision": 2}, "errors": []}
        assert (await socket.receive())["type"] == "complete"
        await socket.subscribe("{ edition(year: 2025) { revision } }", "2")
        assert (await socket.receive())["payload"]["data"] == {"edition": {"revision": 2}}


async def test_an_unknown_edition_is_an_error(read_api: Api) -> None:
    async with connected(read_api) as socket:
        await socket.subscribe(edition=1999)
        message = await socket.receive()
    errors = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
    assert errors[0]["message"] == "there is no edition 1999"
    assert errors[0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_limits_hold_over_the_socket(read_api: Api) -> None:
    async with connected(read_api) as socket:
        await socket.subscribe("{ " + " ".join(f"a{i}: __typename" for i in range(21)) + " }")
        message = await socket.receive()
        assert (message["type"], message["payload"][0]["extensions"]["code"]) == ("error", "LIMIT_EXCEEDED")


FRAMES = [
    "[]",
    '"x"',
    "{}",
    "null",
    "no json",
    '{"type": 5}',
    '{"type": "subscribe"}',
    '{"type": "subscribe", "id": "1", "payload": []}',
    '{"type": "subscribe", "id": "1", "payload": {"query": 5}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": "{__typename}", "variables": []}}',
    '{"type": "subscribe", "id": [], "payload": {"query": "{__typename}"}}',
    '{"type": "complete"}',
    '{"type": "complete", "id": {}}',
]


@pytest.mark.parametrize("frame", FRAMES)
async def test_what_is_no_message_closes_the_socket(frame: str, read_api: Api) -> None:
    async with connected(read_api) as socket:
        await socket.connection.send(frame)
        assert await socket.closed() == 4400


async def test_a_bad_token_closes_with_4403_and_a_missing_init_with_4401(read_api: Api) -> None:
    url = f"{read_api.url.replace('http', 'ws')}/graphql"
    async with websockets.connect(url, subprotocols=[TRANSPORT]) as connection:
        socket = Socket(connection)
        await socket.send(type="connection_init", payload={"Authorization": "Bearer nonsense"})
        assert await socket.closed() == 4403
    async with websockets.connect(url, subprotocols=[TRANSPORT]) as connection:
        socket = Socket(connection)
        await socket.subscribe()
        assert await socket.closed() == 4401


async def test_the_old_protocol_and_foreign_origins_are_refused(read_api: Api) -> None:
    url = f"{read_api.url.replace('http', 'ws')}/graphql"
    async with websockets.connect(url, subprotocols=[Subprotocol("graphql-ws")]) as connection:
        assert await Socket(connection).closed() == 4406
    with pytest.raises(websockets.InvalidStatus) as refused:
        await websockets.connect(url, subprotocols=[TRANSPORT], origin=Origin("https://example.org"))
    assert refused.value.response.status_code == 403


async def test_event_streams(api: Api, recompute: Recompute) -> None:
    body = {"query": FOLLOW}
    headers = {"Accept": "text/event-stream"}
    async with api.client.stream("POST", "/graphql", json=body, headers=headers) as response:
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        lines = response.aiter_lines()
        assert [await anext(lines), await anext(lines)] == [":", ""]
        for revision in (1, 2):
            assert await anext(lines) == "event: next"
            data = json.loads((await anext(lines)).removeprefix("data: "))
            assert data["data"]["rankingRecomputed"]["ranking"]["revision"] == revision
            assert await anext(lines) == ""
            if revision == 1:
                await submit(api, recompute, 60)


async def test_a_query_as_an_event_stream_completes(read_api: Api) -> None:
    body, headers = {"query": "{ ranking { revision } }"}, {"Accept": "text/event-stream"}
    response = await read_api.client.post("/graphql", json=body, headers=headers)
    assert response.text == ':\n\nevent: next\ndata: {"data":{"ranking":{"revision":1}}}\n\nevent: complete\ndata:\n\n'


async def test_a_subscription_needs_a_stream(read_api: Api) -> None:
    headers = {"Accept": "application/json"}
    response = await read_api.client.post("/graphql", json={"query": FOLLOW}, headers=headers)
    assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (406, "NOT_ACCEPTABLE")


async def test_without_redis_the_newer_ranking_comes_by_polling(settings: Settings, recompute: Recompute) -> None:
    deaf = settings.model_copy(update={"redis_url": f"unix://{settings.data_dir}/nothing.sock"})
    async with running_api(deaf) as api, connected(api) as socket:
        await socket.subscribe()
        assert (await socket.event())["ranking"]["revision"] == 1
        await submit(api, recompute, 60)
        assert (await socket.event())["ranking"]["revision"] == 2


async def test_a_stopping_server_tells_clients_to_come_back(settings: Settings) -> None:
    async with running_api(settings) as api:
        url = f"{api.url.replace('http', 'ws')}/graphql"
        connection = await websockets.connect(url, subprotocols=[TRANSPORT])
        socket = Socket(connection)
        await socket.send(type="connection_init", payload={})
        await socket.receive()
        await socket.subscribe()
        await socket.event()
        streaming = asyncio.Event()
        reading = asyncio.create_task(_read_stream(api, streaming))
        await streaming.wait()
    assert await socket.closed() == 1012
    assert "event: complete" not in await reading


async def _read_stream(api: Api, streaming: asyncio.Event) -> str:
    """An event stream to its end; *streaming* is set at its first event."""
    host, port = api.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    body = json.dumps({"query": FOLLOW})
    writer.write(
        f"POST /graphql HTTP/1.1\r\nHost: {host}\r\nAccept: text/event-stream\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
    )
    head = await reader.readuntil(b"event: next")
    streaming.set()
    text = head + await reader.read()
    writer.close()
    return text.decode()
