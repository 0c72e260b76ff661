"""Following rankings over WebSocket and server-sent events: the newest at once, then every newer one."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest
import websockets
from websockets.asyncio.client import ClientConnection
from websockets.typing import Origin, Subprotocol

from api.access.token import Role
from db.dataset import dataset, load
from db.postgres.pool import Pool
from db.settings import Settings
from tests import made_up
from tests.conftest import Api, Recompute, running_api, watching

EVENT_SECONDS = 15
TRANSPORT = Subprotocol("graphql-transport-ws")
FOLLOW = """subscription($edition: Int, $since: Int) { rankingRecomputed(edition: $edition, since: $since) {
  previousRevision changes { newRank category { code } city { slug result { score } } }
  ranking { revision entry(city: "krefeld") { score city { result { score } history { score } } } } } }"""
NEWEST = "subscription($since: Int) { rankingRecomputed(since: $since) { ranking { revision edition { year } } } }"
SUBMIT = """mutation($value: Float, $edition: Int = 2025, $measure: String = "payment") {
  submitScores(input: {edition: $edition, scores: [{city: "krefeld", measure: $measure, value: $value}]}) {
    submission { revision } errors { message } } }"""


class Addressed(Protocol):
    url: str


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

    async def event(self, id_: str | None = None) -> Any:
        """The payload of the next event of a subscription to rankings."""
        message = await self.receive()
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message
        assert id_ in (None, message["id"]), message
        return message["payload"]["data"]["rankingRecomputed"]

    async def nothing(self) -> None:
        """See that the server has sent nothing; its answers come in order."""
        await self.send(type="ping")
        assert await self.receive() == {"type": "pong"}

    async def answer(self, query: str, **variables: Any) -> Any:
        """The answer to a query or mutation."""
        await self.subscribe(query, "once", **variables)
        message = await self.receive()
        assert (message["id"], message["type"]) == ("once", "next"), message
        assert await self.receive() == {"type": "complete", "id": "once"}
        return message["payload"]

    async def refused(self, query: str, id_: str = "1", **payload: Any) -> Any:
        """The one error with which an operation is refused."""
        await self.send(type="subscribe", id=id_, payload={"query": query, **payload})
        message = await self.receive()
        assert (message["id"], message["type"]) == (id_, "error"), message
        [error] = message["payload"]
        return error

    async def closed(self) -> int | None:
        """The code with which the server closes."""
        async with asyncio.timeout(EVENT_SECONDS):
            await self.connection.wait_closed()
        return self.connection.close_code


def address(api: Addressed) -> str:
    """Of the WebSockets of a server."""
    return f"{api.url.rstrip('/').replace('http', 'ws')}/graphql"


@asynccontextmanager
async def connected(api: Addressed, token: str | None = None) -> AsyncIterator[Socket]:
    """An acknowledged connection."""
    async with websockets.connect(address(api), subprotocols=[TRANSPORT]) as connection:
        socket = Socket(connection)
        await socket.send(type="connection_init", payload={"Authorization": f"Bearer {token}"} if token else {})
        assert await socket.receive() == {"type": "connection_ack"}
        yield socket


async def submit(api: Api, recompute: Recompute, value: float, **variables: Any) -> None:
    payload = (await api.data(SUBMIT, {"value": value, **variables}, api.token()))["submitScores"]
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


async def test_an_event_takes_one_look_at_postgres(api: Api, recompute: Recompute) -> None:
    async with connected(api) as socket:
        await socket.subscribe()
        await socket.event()
        async with watching(api) as statements:
            await submit(api, recompute, 60)
            event = await socket.event()
        assert (event["previousRevision"], len(event["changes"]) > 1) == (1, True)
        assert (statements.containing("column_of_ranking"), statements.containing("left join ranking r")) == (1, 1)


async def test_since_leaves_out_what_is_known(api: Api, recompute: Recompute) -> None:
    await submit(api, recompute, 60)
    async with connected(api) as socket:
        await socket.subscribe(since=1, edition=2025)
        assert (await socket.event("1"))["ranking"]["revision"] == 2
        await socket.subscribe(id_="2", since=2)
        await socket.nothing()
        await submit(api, recompute, 20)
        assert [(await socket.event())["ranking"]["revision"] for _ in range(2)] == [3, 3]
        await socket.subscribe(id_="3", since=4)
        await submit(api, recompute, 30)
        assert [(await socket.event())["ranking"]["revision"] for _ in range(2)] == [4, 4]
        await socket.nothing()


async def test_each_edition_is_followed_on_its_own(api: Api, recompute: Recompute) -> None:
    async with connected(api) as socket:
        await socket.subscribe(id_="2024", edition=2024)
        assert (await socket.event("2024"))["ranking"]["revision"] == 1
        await socket.subscribe(id_="2019", edition=2019)  # known, and nothing of it can be ranked
        await socket.subscribe(id_="newest")
        assert (await socket.event("newest"))["ranking"]["revision"] == 1
        await submit(api, recompute, 60)
        assert (await socket.event("newest"))["ranking"]["revision"] == 2
        await submit(api, recompute, 10, edition=2024, measure="mobility")
        # 2025 shows the rank of the year before, so it is ranked again too.
        events = [await socket.receive() for _ in range(2)]
        revisions = {event["id"]: event["payload"]["data"]["rankingRecomputed"]["ranking"] for event in events}
        assert {id_: ranking["revision"] for id_, ranking in revisions.items()} == {"2024": 2, "newest": 3}
        await socket.nothing()


async def test_without_an_edition_a_new_one_is_followed_from_its_start(
    tmp_path: Path, api: Api, pool: Pool, recompute: Recompute
) -> None:
    async with connected(api) as socket:
        await socket.subscribe(NEWEST, since=1)
        await socket.nothing()
        await load.load(pool, dataset.read(made_up.write(tmp_path, cities=3, parameters=3)))
        await recompute()
        assert await socket.event() == {"ranking": {"revision": 1, "edition": {"year": 3000}}}


async def test_a_slow_client_misses_revisions_and_never_the_newest(api: Api, recompute: Recompute) -> None:
    # Long names make events of 4 MB, of which the buffers of a connection hold a few.
    ranks = " ".join(f"{'name' * 24}{n}: rank" for n in range(11))
    pages = " ".join(f"p{n}: entries(first: 100) {{ nodes {{ categories {{ {ranks} }} }} }}" for n in range(8))
    async with websockets.connect(
        address(api), subprotocols=[TRANSPORT], compression=None, max_size=None, max_queue=1
    ) as connection:
        socket = Socket(connection)
        await socket.send(type="connection_init")
        assert await socket.receive() == {"type": "connection_ack"}
        await socket.subscribe(f"subscription {{ rankingRecomputed {{ ranking {{ revision {pages} }} }} }}")
        for value in range(15):
            await submit(api, recompute, value)
        revisions = []
        while 16 not in revisions:
            revisions.append((await socket.event())["ranking"]["revision"])
    assert revisions[0] == 1
    assert revisions == sorted(set(revisions))
    assert len(revisions) < 16


async def test_a_client_that_leaves_gets_nothing_more(api: Api, recompute: Recompute) -> None:
    async with connected(api) as staying, connected(api) as leaving:
        for socket in (staying, leaving):
            await socket.subscribe()
            assert (await socket.event())["ranking"]["revision"] == 1
        await leaving.send(type="complete", id="1")
        await submit(api, recompute, 60)
        assert (await staying.event())["ranking"]["revision"] == 2
        await leaving.nothing()
        await leaving.subscribe()  # the id is free again
        assert (await leaving.event("1"))["ranking"]["revision"] == 2


async def test_queries_and_mutations_share_the_socket(api: Api, recompute: Recompute) -> None:
    query = "{ edition(year: 2025) { revision ranking { revision } } }"
    async with connected(api, api.token()) as socket:
        await socket.subscribe(since=2)
        assert await socket.answer(query) == {"data": {"edition": {"revision": 1, "ranking": {"revision": 1}}}}
        submitted = await socket.answer(SUBMIT, value=50)
        assert submitted == {"data": {"submitScores": {"submission": {"revision": 2}, "errors": []}}}
        assert await socket.answer(query) == {"data": {"edition": {"revision": 2, "ranking": {"revision": 1}}}}
        await recompute()
        async with asyncio.timeout(EVENT_SECONDS):
            while (found := await socket.answer(query))["data"]["edition"]["ranking"] != {"revision": 2}:
                assert found == {"data": {"edition": {"revision": 2, "ranking": {"revision": 1}}}}


async def test_a_mutation_needs_a_token_and_the_token_a_right(api: Api) -> None:
    for token, code in ((None, "UNAUTHENTICATED"), (api.token(Role.EDITOR, "berlin"), "FORBIDDEN")):
        async with connected(api, token) as socket:
            [error] = (await socket.answer(SUBMIT, value=50))["errors"]
            assert error["extensions"]["code"] == code
    assert await api.data("{ edition(year: 2025) { revision } }") == {"edition": {"revision": 1}}


async def test_a_token_that_expires_ends_the_socket(read_api: Api) -> None:
    # Clocks may differ by 5 seconds, so this one is good for 2 more.
    async with connected(read_api, read_api.token(ttl_seconds=-3)) as socket:
        assert await socket.answer("{ __typename }") == {"data": {"__typename": "Query"}}
        with pytest.raises(websockets.ConnectionClosedError):
            async with asyncio.timeout(EVENT_SECONDS):
                while True:
                    await socket.answer("{ __typename }")
        assert await socket.closed() == 4403


async def test_an_unknown_edition_is_an_error(read_api: Api) -> None:
    async with connected(read_api) as socket:
        await socket.subscribe(edition=1999)
        message = await socket.receive()
    errors = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
    assert errors[0]["message"] == "there is no edition 1999"
    assert errors[0]["extensions"]["code"] == "BAD_USER_INPUT"


REFUSED = [
    ({"query": "{ " + "x" * 200}, "GRAPHQL_PARSE_FAILED"),
    ({"query": "{ nothing }"}, "GRAPHQL_VALIDATION_FAILED"),
    ({"query": "query A { __typename } query B { __typename }"}, "GRAPHQL_VALIDATION_FAILED"),
    ({"query": "query A { __typename }", "operationName": "B"}, "GRAPHQL_VALIDATION_FAILED"),
    ({"query": "fragment F on Query { __typename }"}, "GRAPHQL_VALIDATION_FAILED"),
    ({"query": FOLLOW, "variables": {"since": "x"}}, "GRAPHQL_VALIDATION_FAILED"),
    ({"query": "{ " + " ".join(f"a{i}: __typename" for i in range(21)) + " }"}, "LIMIT_EXCEEDED"),
]


@pytest.mark.parametrize(("payload", "code"), REFUSED)
async def test_a_document_that_cannot_run_ends_its_own_operation_only(
    payload: dict[str, Any], code: str, read_api: Api
) -> None:
    async with connected(read_api) as socket:
        assert (await socket.refused(**payload))["extensions"]["code"] == code
        assert await socket.answer("{ __typename }") == {"data": {"__typename": "Query"}}


FRAMES: list[str | bytes] = [
    b'{"type": "ping"}',
    "[]",
    '"x"',
    "{}",
    "null",
    "no json",
    '{"type": 5}',
    json.dumps({"type": "x" * 200}),
    "[" * 2000,
    '{"type": "subscribe"}',
    '{"type": "subscribe", "id": "1", "payload": []}',
    '{"type": "subscribe", "id": "1", "payload": {"query": 5}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": ""}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": "{__typename}", "variables": []}}',
    '{"type": "subscribe", "id": [], "payload": {"query": "{__typename}"}}',
    '{"type": "complete"}',
    '{"type": "complete", "id": {}}',
]


@pytest.mark.parametrize("frame", FRAMES)
async def test_what_is_no_message_closes_the_socket(
    frame: str | bytes, read_api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    async with connected(read_api) as socket:
        await socket.connection.send(frame)
        assert await socket.closed() == 4400
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_an_id_in_use_closes_with_4409_and_a_second_init_with_4429(
    read_api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    async with connected(read_api) as socket:
        for _ in range(2):
            await socket.subscribe(id_="x" * 200)
        assert await socket.closed() == 4409
    async with connected(read_api) as socket:
        await socket.send(type="connection_init")
        assert await socket.closed() == 4429
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.parametrize("init", [{}, {"payload": None}, {"payload": {}}, {"payload": {"Authorization": None}}])
async def test_a_token_is_not_needed_to_connect(init: dict[str, Any], read_api: Api) -> None:
    async with websockets.connect(address(read_api), subprotocols=[TRANSPORT]) as connection:
        socket = Socket(connection)
        await socket.send(type="connection_init", **init)
        assert await socket.receive() == {"type": "connection_ack"}


@pytest.mark.parametrize("header", ["Bearer nonsense", "Basic eDp5", "", 5, ["Bearer nonsense"]])
async def test_a_bad_token_closes_with_4401(header: object, read_api: Api) -> None:
    async with websockets.connect(address(read_api), subprotocols=[TRANSPORT]) as connection:
        socket = Socket(connection)
        await socket.send(type="connection_init", payload={"Authorization": header})
        assert await socket.closed() == 4401


async def test_an_operation_before_the_acknowledgement_closes_with_4401(read_api: Api) -> None:
    async with websockets.connect(address(read_api), subprotocols=[TRANSPORT]) as connection:
        socket = Socket(connection)
        await socket.subscribe()
        assert await socket.closed() == 4401


async def test_the_old_protocol_is_refused(read_api: Api) -> None:
    async with websockets.connect(address(read_api), subprotocols=[Subprotocol("graphql-ws")]) as connection:
        assert await Socket(connection).closed() == 4406


async def test_pages_of_other_origins_are_refused_unless_named(settings: Settings) -> None:
    named = settings.model_copy(update={"allowed_origins": ("https://example.org",)})
    async with running_api(named) as api:
        for ours in (api.url, "https://example.org"):
            async with websockets.connect(address(api), subprotocols=[TRANSPORT], origin=Origin(ours)) as connection:
                assert connection.subprotocol == TRANSPORT
        for foreign in ("https://example.com", "https://example.org:8443", "http://example.org", "null"):
            with pytest.raises(websockets.InvalidStatus) as refused:
                await websockets.connect(address(api), subprotocols=[TRANSPORT], origin=Origin(foreign))
            assert refused.value.response.status_code == 403


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_event_streams(method: str, api: Api, recompute: Recompute) -> None:
    asked: dict[str, Any] = {"json": {"query": FOLLOW}} if method == "POST" else {"params": {"query": FOLLOW}}
    headers = {"Accept": "text/event-stream"}
    async with api.client.stream(method, "/graphql", headers=headers, **asked) as response:
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


async def test_a_silent_stream_has_a_heartbeat(settings: Settings) -> None:
    body, headers = {"query": FOLLOW, "variables": {"since": 1}}, {"Accept": "text/event-stream"}
    async with (
        running_api(settings.model_copy(update={"heartbeat_seconds": 0.05})) as api,
        api.client.stream("POST", "/graphql", json=body, headers=headers) as response,
    ):
        lines = response.aiter_lines()
        async with asyncio.timeout(EVENT_SECONDS):
            assert [await anext(lines) for _ in range(8)] == [":", ""] * 4


async def test_a_stream_that_cannot_begin_says_why_and_completes(read_api: Api) -> None:
    body, headers = {"query": FOLLOW, "variables": {"edition": 1999}}, {"Accept": "text/event-stream"}
    response = await read_api.client.post("/graphql", json=body, headers=headers)
    beat, answer, complete, rest = response.text.split("\n\n")
    assert (beat, complete, rest) == (":", "event: complete\ndata:", "")
    [error] = json.loads(answer.removeprefix("event: next\ndata: "))["errors"]
    assert error["message"] == "there is no edition 1999"


async def test_a_query_as_an_event_stream_completes(read_api: Api) -> None:
    body, headers = {"query": "{ ranking { revision } }"}, {"Accept": "text/event-stream"}
    response = await read_api.client.post("/graphql", json=body, headers=headers)
    assert response.text == ':\n\nevent: next\ndata: {"data":{"ranking":{"revision":1}}}\n\nevent: complete\ndata:\n\n'


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream;q=0", "text/event-stream;q=0, */*"])
async def test_a_subscription_needs_a_stream(accept: str, read_api: Api) -> None:
    headers = {"Accept": accept}
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
        connection = await websockets.connect(address(api), subprotocols=[TRANSPORT])
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


# A ranking is announced, and cannot be read: no columns belong to it.
BROKEN = """insert into ranking (edition, revision, computed_at, input_hash, framework, cities)
  select edition, revision + 1, now(), input_hash, framework, cities from ranking where edition = 2025"""


async def test_a_source_that_fails_closes_the_socket_with_a_code_to_come_back_from(api: Api, pool: Pool) -> None:
    async with connected(api) as socket:
        await socket.subscribe(NEWEST)
        await socket.event()
        await pool.execute(BROKEN)
        assert await socket.closed() == 1013


async def test_a_source_that_fails_breaks_an_event_stream_off(api: Api, pool: Pool) -> None:
    events = []
    headers = {"Accept": "text/event-stream"}
    async with api.client.stream("POST", "/graphql", json={"query": NEWEST}, headers=headers) as response:
        async for line in response.aiter_lines():
            if line.startswith("event: "):
                events.append(line)
                await pool.execute(BROKEN + " on conflict do nothing")
    assert events == ["event: next"]
