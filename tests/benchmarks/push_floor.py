"""The bare parts of an update's way to its subscribers (see `push`)."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import asyncpg
import redis.asyncio
import websockets
from celery import Celery
from websockets.asyncio.client import ClientConnection

from db import local
from db.ranking.column import COMPARED, OF_ALL
from tests.paths.conftest import System, environment

COLUMNS = ", ".join((*OF_ALL, *COMPARED))
FILL = f"""insert into bare_column (edition, revision, position, code, {COLUMNS})
  select edition, revision, position, code, {COLUMNS} from column_of_ranking
  where (edition, revision) = (select edition, max(revision) from ranking where edition = 2025 group by edition)"""
FIGURES = f"select {', '.join(f'array_send({name})' for name in (*OF_ALL, *COMPARED))} from bare_column"

Parts = dict[str, Callable[[int], Awaitable[None]]]


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
        await writer.execute(FILL)
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

        async def read(_: int) -> None:
            await writer.fetch(FIGURES)

        async def frame(size: int) -> None:
            await echo.send("x" * size)
            await echo.recv()

        parts: Parts = {"notify": notify, "task": task, "commit": commit, "read": read, "frame": frame}
        yield parts


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
