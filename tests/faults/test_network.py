"""Messages twice, late, out of order or not at all; connections slow and cut; subscribers that do not read."""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import websockets
from celery import Celery

from db import local
from db.postgres.pool import transaction
from db.ranking.rebuild import rebuild
from tests.api.websocket.test_subscription import TRANSPORT, Socket, address
from tests.faults.installation import Installation
from tests.faults.test_killed import submit
from tests.faults.traffic import FOLLOW, traffic

Measured = Callable[[str, str], None]
RANKINGS = "select edition, revision, input_hash, computed_at from ranking order by edition, revision"


async def test_tasks_five_times_and_out_of_order(system: Installation) -> None:
    await submit(system, 41)
    await system.until_ranked()
    before = await system.pool.fetch(RANKINGS)
    url = local.redis_url(system.data_dir).replace("unix://", "redis+socket://").replace("?db=", "?virtual_host=")
    celery = Celery(broker=url)
    celery.conf.task_default_queue = "ranking"
    years = [2025, 2024, 2019, 9999, 2025] * 5
    random.Random(1).shuffle(years)
    for year in years:
        await asyncio.to_thread(celery.send_task, "ranking.recompute", args=[year, None])
    await submit(system, 42)
    for year in years:
        await asyncio.to_thread(celery.send_task, "ranking.recompute", args=[year, None])
    await system.until_ranked()
    after = await system.pool.fetch(RANKINGS)
    assert [row for row in after if row in before] == before
    assert len(after) == len(before) + 1
    celery.close()


async def test_two_relays_and_two_workers(system: Installation) -> None:
    await system.start("relay2", "worker2")
    async with traffic(system):
        await asyncio.sleep(3)
    async with transaction(system.pool, "repeatable_read") as reader:
        assert (await rebuild(reader, None)).differences == ()


async def test_slow_and_cut(system: Installation, is_long: bool) -> None:
    proxies = [*system.postgres.values(), *system.redis.values()]
    draw = random.Random(2)
    async with traffic(system):
        for proxy in proxies:
            proxy.delay = 0.005
        for _ in range(60 if is_long else 8):
            await asyncio.sleep(0.4)
            draw.choice(proxies).cut()
        for proxy in proxies:
            proxy.delay = 0


async def test_subscribers_that_do_not_read(system: Installation, is_long: bool, measured: Measured) -> None:
    """A tenth of them takes nothing from its socket; the others have every newest ranking as before."""
    count = 1000 if is_long else 100
    before = memory(system.pid("api"))
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(following(system)) for _ in range(count)]
        silent = count // 10
        for socket in sockets[:silent]:
            socket.connection.transport.pause_reading()
        readers = sockets[silent:]
        grown = memory(system.pid("api")) - before
        for value in (51, 52, 53):
            revision = await submit(system, value)
            started = time.monotonic()
            await asyncio.gather(*(until(socket, revision) for socket in readers))
            seconds = time.monotonic() - started
        for socket in sockets[:silent]:
            socket.connection.transport.abort()
    measured(f"{count} subscribers, a tenth not reading", f"the last one has it {seconds:.2f} s after the answer")
    measured("memory of the API process for each of them", f"{grown / count / 1024:.0f} KiB")


@asynccontextmanager
async def following(system: Installation) -> AsyncIterator[Socket]:
    """A subscriber that has had its first event."""
    async with websockets.connect(address(system), subprotocols=[TRANSPORT], ping_interval=None) as connection:
        socket = Socket(connection)
        await socket.send(type="connection_init")
        assert await socket.receive() == {"type": "connection_ack"}
        await socket.subscribe(FOLLOW)
        await socket.event()
        yield socket


async def until(socket: Socket, revision: int) -> None:
    while (await socket.event())["ranking"]["revision"] < revision:
        pass


def memory(pid: int) -> int:
    """Bytes of memory that a process holds."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
