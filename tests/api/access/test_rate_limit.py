"""Budgets of clients, and how many streams an address may have open."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import websockets
from redis.asyncio import Redis
from starlette.types import Scope

from api.access import rate_limit
from api.access.token import Role
from db.redis import connect_redis
from db.settings import Settings
from tests.api.websocket.test_subscription import FOLLOW, SUBMIT, TRANSPORT, Socket, address
from tests.conftest import Api, running_api

# Of readers: seven small queries.
FEW = {"rate_limit": "1000 per 2 seconds"}
WINDOW_SECONDS = 2
WRITES = {"rate_limit": "12000 per 60 seconds"}


@pytest.fixture
async def redis(settings: Settings) -> AsyncIterator[Redis]:
    """The Redis of this run, with every budget full."""
    redis = connect_redis(settings)
    await forget(redis)
    yield redis
    await redis.aclose()


async def forget(redis: Redis) -> None:
    async for key in redis.scan_iter("sci:rate:*"):
        await redis.delete(key)


@asynccontextmanager
async def limited(settings: Settings, **changed: Any) -> AsyncIterator[Api]:
    async with running_api(settings.model_copy(update=changed)) as api:
        yield api


async def ask(api: Api, number: int, **headers: str) -> Any:
    """A small query that nobody has asked before."""
    query = f'{{ city(slug: "krefeld") {{ name{number}: name }} }}'
    return await api.client.post("/graphql", json={"query": query}, headers=headers)


async def test_a_reader_comes_to_its_limit_and_back(settings: Settings, redis: Redis) -> None:
    async with limited(settings, **FEW) as api:
        answers = [await ask(api, number) for number in range(8)]
        assert [answer.status_code for answer in answers] == [200] * 7 + [429]
        refused = answers[-1]
        seconds = int(refused.headers["retry-after"])
        assert 1 <= seconds <= WINDOW_SECONDS
        assert refused.headers["ratelimit-policy"] == '"cost";q=1000'
        assert refused.headers["ratelimit"] == f'"cost";r=0;t={seconds}'
        assert refused.headers["cache-control"] == "no-store"
        message = f"the budget is used up; it is full again in {seconds} s"
        extensions = {"code": "RATE_LIMITED", "limit": 1000, "retryAfterSeconds": seconds}
        assert refused.json() == {"errors": [{"message": message, "extensions": extensions}]}
        # What is in memory costs nothing, with a budget or without.
        before = await scripts_run(redis)
        assert [(await ask(api, number)).status_code for number in range(7)] == [200] * 7
        assert await scripts_run(redis) == before
        await asyncio.sleep(seconds)
        assert (await ask(api, 9)).status_code == 200


async def scripts_run(redis: Redis) -> int:
    statistics = await redis.info("commandstats")
    return sum(statistics.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in ("evalsha", "eval"))


async def test_who_has_nothing_left_is_refused_without_asking_redis(settings: Settings, redis: Redis) -> None:
    async with limited(settings, rate_limit="1000 per 60 seconds") as api:
        assert {(await ask(api, number)).status_code for number in range(8)} == {200, 429}
        before = await scripts_run(redis)
        assert {(await ask(api, number)).status_code for number in range(10, 20)} == {429}
        assert await scripts_run(redis) == before


async def test_processes_share_budgets(settings: Settings, redis: Redis) -> None:
    async with limited(settings, **FEW) as one, limited(settings, **FEW) as two:
        statuses = [(await ask(api, number)).status_code for number in range(5) for api in (one, two)]
    assert statuses == [200] * 7 + [429] * 3


async def test_each_subject_has_its_own(settings: Settings, redis: Redis) -> None:
    async with limited(settings, rate_limit="1000 per 60 seconds") as api:
        assert (await asyncio.gather(*(ask(api, number) for number in range(9))))[-1].status_code in (200, 429)
        assert (await ask(api, 10)).status_code == 429
        token = api.token(Role.READER)
        assert (await ask(api, 11, Authorization=f"Bearer {token}")).status_code == 200


async def test_refused_documents_cost_more_than_most_that_are_answered(settings: Settings, redis: Redis) -> None:
    async with limited(settings, rate_limit="25000 per 60 seconds") as api:
        body = {"query": "{ nothing }"}
        accept = {"Accept": "application/graphql-response+json"}
        answers = [await api.client.post("/graphql", json=body, headers=accept) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [400, 400, 429, 429]


async def test_a_write_says_what_is_left(settings: Settings, redis: Redis) -> None:
    async with limited(settings, **WRITES) as api:
        headers = {"Authorization": f"Bearer {api.token()}"}
        body = {"query": SUBMIT, "variables": {"value": 50}}
        first, second, third = [await api.client.post("/graphql", json=body, headers=headers) for _ in range(3)]
        assert (first.status_code, second.status_code, third.status_code) == (200, 200, 429)
        left = int(first.headers["ratelimit"].removeprefix('"cost";r=').partition(";")[0])
        assert 12_000 - rate_limit.WRITE_COST - 500 < left < 12_000 - rate_limit.WRITE_COST
        assert (await api.data("{ edition(year: 2025) { revision } }"))["edition"]["revision"] == 3


async def test_without_redis_readers_pass_and_writers_have_a_budget_each_process(settings: Settings) -> None:
    nowhere = f"unix://{settings.data_dir}/nothing.sock?db=0"
    async with limited(settings, redis_url=nowhere, rate_limit="12000 per 60 seconds") as api:
        assert {(await ask(api, number)).status_code for number in range(150)} == {200}
        headers = {"Authorization": f"Bearer {api.token()}"}
        body = {"query": SUBMIT, "variables": {"value": 50}}
        answers = [await api.client.post("/graphql", json=body, headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]


async def test_over_a_socket_the_operation_is_refused_and_the_socket_stays(settings: Settings, redis: Redis) -> None:
    async with (
        limited(settings, rate_limit="1000 per 60 seconds") as api,
        websockets.connect(address(api), subprotocols=[TRANSPORT]) as connection,
    ):
        socket = Socket(connection)
        await socket.send(type="connection_init")
        assert (await socket.receive())["type"] == "connection_ack"
        for number in range(7):
            assert "errors" not in await socket.answer(f'{{ city(slug: "krefeld") {{ name{number}: name }} }}')
        error = await socket.refused("{ editions { year } }")
        assert error["extensions"]["code"] == "RATE_LIMITED"
        await socket.nothing()


async def test_streams_of_an_address(settings: Settings) -> None:
    async with limited(settings, most_streams_per_address=2) as api:
        events: Any = {"json": {"query": FOLLOW}, "headers": {"Accept": "text/event-stream"}}
        async with (
            websockets.connect(address(api), subprotocols=[TRANSPORT]),
            api.client.stream("POST", "/graphql", **events) as response,
        ):
            lines = response.aiter_lines()
            assert await anext(lines) == ":"
            refused = await api.client.post("/graphql", **events)
            assert refused.status_code == 429
            assert refused.json()["errors"][0]["extensions"]["code"] == "TOO_MANY_STREAMS"
            with pytest.raises(websockets.InvalidStatus) as handshake:
                await websockets.connect(address(api), subprotocols=[TRANSPORT])
            assert handshake.value.response.status_code == 429
        async with asyncio.timeout(10):
            while (await connected(api)) != 101:
                await asyncio.sleep(0.05)


async def connected(api: Api) -> int:
    """The status of one more handshake."""
    try:
        async with websockets.connect(address(api), subprotocols=[TRANSPORT]):
            return 101
    except websockets.InvalidStatus as error:
        return error.response.status_code


async def test_only_named_proxies_say_who_asks(settings: Settings, redis: Redis) -> None:
    changed = {"rate_limit": "150 per 60 seconds"}
    async with limited(settings, **changed) as api:
        statuses = [(await ask(api, n, **{"X-Forwarded-For": f"192.0.2.{n}"})).status_code for n in range(2)]
        assert statuses == [200, 429]
    await forget(redis)
    async with limited(settings, trusted_proxies=("127.0.0.0/8",), **changed) as api:
        statuses = [(await ask(api, n, **{"X-Forwarded-For": f"192.0.2.{n}"})).status_code for n in range(2)]
        assert statuses == [200, 200]
        # What the client wrote itself stands left of what the proxy saw.
        forged = {"X-Forwarded-For": "198.51.100.7, 192.0.2.1"}
        assert (await ask(api, 3, **forged)).status_code == 429


@pytest.mark.parametrize(
    ("client", "expected"),
    [
        (("192.0.2.1", 5), "192.0.2.1"),
        (("2001:db8:1:2:3:4:5:6", 5), "2001:db8:1:2::"),
        (("::ffff:192.0.2.1", 5), "192.0.2.1"),
        (None, ""),
    ],
)
def test_addresses(client: tuple[str, int] | None, expected: str) -> None:
    scope: Scope = {"type": "http", "client": client}
    assert rate_limit.address(scope) == expected
