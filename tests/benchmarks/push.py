"""From an accepted update to the event at its subscribers, on a whole system with the bundled data.

uv run python -m tests.benchmarks.push [UPDATES] [SUBSCRIBERS] [BURST]

The floor of one update is the sum of bare parts: a NOTIFY that wakes a listener, an empty Celery task that tells by
Redis, a durable commit of one integer, a read of a ranking's bytes, and a WebSocket frame of the event's size there and
back. They are measured side by side: after each update all parts run once, one after the other, so that the machine
treats both alike.
"""

import asyncio
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from statistics import median, quantiles

import asyncpg
import httpx2
import websockets
from websockets.asyncio.client import ClientConnection
from websockets.typing import Subprotocol

from db import local
from tests.benchmarks.push_floor import bare_parts
from tests.benchmarks.server import UNLIMITED
from tests.paths.conftest import SUBMIT, System, descendants, up

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
    floor = [sum(each) for each in zip(*bare.values(), strict=True)]
    ratio = median(one / other for one, other in zip(whole, floor, strict=True))
    say(f"floor: median {median(floor) * 1e3:.1f} ms; {ratio:.2f} times as long")


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
    while (await system.query("{ ranking(edition: 2025) { revision } }"))["ranking"]["revision"] < newest:
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


def p99(seconds: list[float]) -> float:
    return quantiles(seconds, n=100)[98]


def is_api(pid: int) -> bool:
    return b"api.cli.main\0serve" in Path(f"/proc/{pid}/cmdline").read_bytes()


def resident_bytes(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - what it is for


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (20_000, 20_000))
    asyncio.run(main(*[int(given) for given in sys.argv[1:]] or [100, 2_000, 10_000]))
