"""From an accepted update to the event at its subscribers, on a whole system with the bundled data.

uv run python -m tests.benchmarks.push [UPDATES] [SUBSCRIBERS] [BURST]

The floor of one update is the sum of bare parts, measured in the same run: a NOTIFY that wakes a listener, an empty
Celery task that tells by Redis, a durable commit, a read of the figures of a ranking, and a WebSocket frame of the
event's size there and back.
"""

import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import asyncpg
import httpx2
import redis.asyncio
import websockets
from celery import Celery
from websockets.asyncio.client import ClientConnection
from websockets.typing import Subprotocol

from db import local
from tests.benchmarks.server import UNLIMITED
from tests.paths.conftest import SUBMIT, System, descendants, environment, up

FOLLOW = """subscription { rankingRecomputed(edition: 2025) { previousRevision changes { newRank city { slug } }
  ranking { revision topTen { rank score city { slug name } } entry(city: "krefeld") { score rank } } } }"""
CLIENTS = 20
WARM_UP = 5


async def main(updates: int, subscribers: int, burst: int) -> None:
    """Print what one update takes, what many subscribers take, and what a burst takes."""
    with tempfile.TemporaryDirectory() as folder:
        async with (
            up(Path(folder) / "data", **UNLIMITED) as system,
            httpx2.AsyncClient(base_url=system.url, timeout=120) as client,
        ):
            client.headers["Authorization"] = f"Bearer {await system.token()}"
            await one_by_one(system, client, updates)
            await fan_out(system, client, subscribers)
            await at_once(system, client, burst)


async def one_by_one(system: System, client: httpx2.AsyncClient, updates: int) -> None:
    """Time from the mutation's answer to the event, and the floor."""
    seconds, size = [], 0
    async with following(system) as socket:
        for number in range(updates + WARM_UP):
            revision = await submit(client, number % 100)
            answered = time.perf_counter()
            while True:
                frame = await socket.recv()
                if json.loads(frame)["payload"]["data"]["rankingRecomputed"]["ranking"]["revision"] >= revision:
                    break
            seconds.append(time.perf_counter() - answered)
            size = len(frame)
    parts = await floor(system, updates, size)
    whole, bare = seconds[WARM_UP:], sum(median(each) for each in parts.values())
    say(f"update to event, {updates} updates: median {median(whole) * 1e3:.1f} ms, p99 {p99(whole) * 1e3:.1f} ms")
    say("floor: " + ", ".join(f"{name} {median(each) * 1e3:.1f}" for name, each in parts.items()) + " ms")
    say(f"median / floor: {median(whole) / bare:.2f}")


async def floor(system: System, rounds: int, size: int) -> dict[str, list[float]]:
    """Seconds of each bare part, again and again."""
    url, redis_url = local.database_url(system.data_dir), local.redis_url(system.data_dir)
    async with AsyncExitStack() as stack:
        listener, writer = await asyncpg.connect(url), await asyncpg.connect(url)
        stack.push_async_callback(listener.close)
        stack.push_async_callback(writer.close)
        celery = Celery(broker=redis_url.replace("unix://", "redis+socket://").replace("?db=", "?virtual_host="))
        heard = asyncio.Event()
        await listener.add_listener("bare", lambda *_: heard.set())
        await writer.execute("create table bare (number integer)")
        subscribed = redis.asyncio.Redis.from_url(redis_url).pubsub()
        stack.push_async_callback(subscribed.aclose)
        await subscribed.subscribe("empty")
        await subscribed.get_message(timeout=5)
        worker = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "celery", "-A", "tests.benchmarks.empty_task", "worker", "-Q", "empty", "-c", "1",
            "-l", "error", "--without-mingle", "--without-gossip", "--without-heartbeat",
            env=environment(REDIS_URL=redis_url), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        stack.callback(worker.terminate)
        echo = await stack.enter_async_context(echoing())

        async def notify() -> None:
            await writer.execute("notify bare")
            await heard.wait()
            heard.clear()

        async def task() -> None:
            await asyncio.to_thread(celery.send_task, "empty", queue="empty")
            while not await subscribed.get_message(ignore_subscribe_messages=True, timeout=30):
                pass

        async def commit() -> None:
            await writer.execute("insert into bare values (1)")

        async def read() -> None:
            await writer.fetch(
                """select array_send(value), array_send(score), array_send(rank), array_send(share)
                   from ranking_column where (edition, revision) = (select edition, max(revision) from ranking
                   where edition = 2025 group by edition)"""
            )

        async def frame() -> None:
            await echo.send("x" * size)
            await echo.recv()

        parts = {"notify": notify, "task": task, "commit": commit, "read": read, "frame": frame}
        return {name: await timed(part, rounds) for name, part in parts.items()}


async def fan_out(system: System, client: httpx2.AsyncClient, subscribers: int) -> None:
    """One update to many subscribers of one document, first all reading, then a tenth of them not."""
    api = next(pid for pid in descendants(system.process.pid) if is_api(pid))
    before = resident_bytes(api)
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(following(system)) for _ in range(subscribers)]
        held = resident_bytes(api) - before
        for silent in (0, subscribers // 10):
            seconds = await to_the_last(client, sockets[silent:])
            say(
                f"{subscribers} subscribers, {silent} of them not reading: median {median(seconds) * 1e3:.0f} ms, "
                f"the last after {max(seconds) * 1e3:.0f} ms"
            )
        say(f"memory a subscriber: {held / subscribers / 1024:.0f} kB")


async def to_the_last(client: httpx2.AsyncClient, sockets: list[ClientConnection]) -> list[float]:
    async def event(socket: ClientConnection) -> float:
        while f'"revision":{revision}'.encode() not in await socket.recv(decode=False):
            pass
        return time.perf_counter()

    revision = await submit(client, time.time() % 100)
    answered = time.perf_counter()
    return [at - answered for at in await asyncio.gather(*(event(socket) for socket in sockets))]


async def at_once(system: System, client: httpx2.AsyncClient, burst: int) -> None:
    """Many updates from many clients; then the newest revision must be ranked, with the last value."""
    pool = await asyncpg.connect(local.database_url(system.data_dir))
    ranked = "select count(*) from ranking where edition = 2025"
    before = await pool.fetchval(ranked)
    started = time.perf_counter()

    async def updates(each: int) -> int:
        return max([await submit(client, number % 100) for number in range(each, burst, CLIENTS)])

    newest = max(await asyncio.gather(*(updates(each) for each in range(CLIENTS))))
    accepted = time.perf_counter() - started
    while await pool.fetchval("select max(revision) from ranking where edition = 2025") < newest:
        await asyncio.sleep(0.01)
    behind = time.perf_counter() - started - accepted
    say(
        f"{burst} updates from {CLIENTS} clients: {burst / accepted:.0f} accepted a second, "
        f"{await pool.fetchval(ranked) - before} rankings, the newest {behind * 1e3:.0f} ms after the last answer"
    )
    recorded = await pool.fetchval(
        """select s.value from score s join measure m on m.id = s.measure_id join city c on c.id = s.city_id
           where m.edition = 2025 and m.code = 'payment' and c.slug = 'krefeld'"""
    )
    query = """{ ranking(edition: 2025) { revision entry(city: "krefeld") { category(code: "administration") {
      indicators { indicator { code } value } } } } }"""
    found = (await system.query(query))["ranking"]
    [value] = [
        each["value"] for each in found["entry"]["category"]["indicators"] if each["indicator"]["code"] == "payment"
    ]
    assert (found["revision"], value) == (newest, recorded), (found["revision"], value, newest, recorded)
    await pool.close()


async def submit(client: httpx2.AsyncClient, value: float) -> int:
    """Record a value; returns the revision that it made."""
    scores = [{"city": "krefeld", "measure": "payment", "value": value}]
    variables = {"input": {"edition": 2025, "scores": scores}}
    answer = (await client.post("graphql", json={"query": SUBMIT, "variables": variables})).json()
    revision: int = answer["data"]["submitScores"]["submission"]["revision"]
    return revision


@asynccontextmanager
async def following(system: System) -> AsyncIterator[ClientConnection]:
    """A subscriber that has got the current ranking."""
    address = system.url.replace("http", "ws") + "graphql"
    protocol = Subprotocol("graphql-transport-ws")
    async with websockets.connect(address, subprotocols=[protocol], compression=None, close_timeout=1) as socket:
        await socket.send('{"type": "connection_init"}')
        await socket.recv()
        await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": {"query": FOLLOW}}))
        await socket.recv()
        yield socket


@asynccontextmanager
async def echoing() -> AsyncIterator[ClientConnection]:
    """A connection to a bare WebSocket server that sends back what it gets."""

    async def echo(socket: Any) -> None:
        async for message in socket:
            await socket.send(message)

    async with websockets.serve(echo, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with websockets.connect(f"ws://127.0.0.1:{port}", compression=None) as socket:
            yield socket


async def timed(part: Callable[[], Awaitable[None]], rounds: int) -> list[float]:
    """Seconds of each round, the first ones left out."""
    seconds = []
    for _ in range(rounds + WARM_UP):
        started = time.perf_counter()
        await part()
        seconds.append(time.perf_counter() - started)
    return seconds[WARM_UP:]


def p99(seconds: list[float]) -> float:
    return quantiles(seconds, n=100)[98]


def is_api(pid: int) -> bool:
    return b"api.cli\0serve" in Path(f"/proc/{pid}/cmdline").read_bytes()


def resident_bytes(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - what it is for


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (20_000, 20_000))
    asyncio.run(main(*[int(given) for given in sys.argv[1:]] or [100, 2_000, 10_000]))
