"""From an accepted update to the event at its subscribers, on a whole system with the bundled data.

uv run python -m tests.benchmarks.push [UPDATES] [SUBSCRIBERS] [BURST]

The floor of one update is the sum of bare parts: a NOTIFY that wakes a listener, an empty Celery task that tells by
Redis, a durable commit of a ranking's bytes in bulk, a read of them, and a WebSocket frame of the event's size there
and back. They are measured side by side: after each update all parts run once, one after the other, so that the
machine treats both alike. A second floor has a durable commit of one integer in place of the ranking.
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
from io import BytesIO
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
from db.figure import COMPARED, OF_ALL
from tests.benchmarks.server import UNLIMITED
from tests.paths.conftest import SUBMIT, System, descendants, environment, up

FOLLOW = """subscription { rankingRecomputed(edition: 2025) { previousRevision changes { newRank city { slug } }
  ranking { revision topTen { rank score city { slug name } } entry(city: "krefeld") { score rank } } } }"""
NEWEST = """select * from ranking_column where (edition, revision) =
  (select edition, max(revision) from ranking where edition = 2025 group by edition)"""
FIGURES = NEWEST.replace("*", ", ".join(f"array_send({name})" for name in (*OF_ALL, *COMPARED)), 1)
CLIENTS = 20
WARM_UP = 5

Parts = dict[str, Callable[[int], Awaitable[None]]]


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
    """Time from the mutation's answer to the event, and of the bare parts in between."""
    whole: list[float] = []
    bare: dict[str, list[float]] = {}
    async with following(system) as socket, bare_parts(system) as parts:
        for number in range(updates + WARM_UP):
            revision = await submit(client, number % 100)
            answered = time.perf_counter()
            while True:
                frame = await socket.recv()
                if json.loads(frame)["payload"]["data"]["rankingRecomputed"]["ranking"]["revision"] >= revision:
                    break
            whole.append(time.perf_counter() - answered)
            for name, part in parts.items():
                started = time.perf_counter()
                await part(len(frame))
                bare.setdefault(name, []).append(time.perf_counter() - started)
    whole = whole[WARM_UP:]
    bare = {name: each[WARM_UP:] for name, each in bare.items()}
    say(f"update to event, {updates} updates: median {median(whole) * 1e3:.1f} ms, p99 {p99(whole) * 1e3:.1f} ms")
    say("bare parts: " + ", ".join(f"{name} {median(each) * 1e3:.1f}" for name, each in bare.items()) + " ms")
    for left_out, name in (("commit", "floor"), ("store", "floor with a commit of one integer")):
        floor = [sum(each) for each in zip(*(bare[part] for part in bare if part != left_out), strict=True)]
        ratio = median(one / other for one, other in zip(whole, floor, strict=True))
        say(f"{name}: median {median(floor) * 1e3:.1f} ms; {ratio:.2f} times as long")


@asynccontextmanager
async def bare_parts(system: System) -> AsyncIterator[Parts]:
    """What an update cannot do without, each by itself; given the bytes of an event."""
    url, redis_url = local.database_url(system.data_dir), local.redis_url(system.data_dir)
    async with AsyncExitStack() as stack:
        listener, writer = await asyncpg.connect(url), await asyncpg.connect(url)
        stack.push_async_callback(listener.close)
        stack.push_async_callback(writer.close)
        celery = Celery(broker=redis_url.replace("unix://", "redis+socket://").replace("?db=", "?virtual_host="))
        heard = asyncio.Event()
        await listener.add_listener("bare", lambda *_: heard.set())
        await writer.execute("create table bare (number integer)")
        await writer.execute(
            "create table bare_column (like ranking_column including storage) with (toast_tuple_target = 4080)"
        )
        stored = BytesIO()
        await writer.copy_from_query(NEWEST, output=stored, format="binary")
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

        async def notify(_: int) -> None:
            await writer.execute("notify bare")
            await heard.wait()
            heard.clear()

        async def task(_: int) -> None:
            await asyncio.to_thread(celery.send_task, "empty", queue="empty")
            while not await subscribed.get_message(ignore_subscribe_messages=True, timeout=30):
                pass

        async def commit(_: int) -> None:
            await writer.execute("insert into bare values (1)")

        async def store(_: int) -> None:
            await writer.copy_to_table("bare_column", source=BytesIO(stored.getvalue()), format="binary")

        async def read(_: int) -> None:
            await writer.fetch(FIGURES)

        async def frame(size: int) -> None:
            await echo.send("x" * size)
            await echo.recv()

        parts: Parts = {"notify": notify, "task": task, "commit": commit, "store": store, "read": read, "frame": frame}
        yield parts


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
