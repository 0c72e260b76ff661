"""Postgres, Redis, API, worker and relay as processes of their own, any of which a test may hurt."""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from api.access.token import Role, Tokens
from api.cli import command
from db import local
from db.dataset import dataset, load
from db.local import Child, Process
from db.postgres import migrate
from db.postgres.pool import Pool, connect, create_pool
from db.settings import Settings
from tests.conftest import BUNDLED, TOKEN_SECRET
from tests.faults.proxy import Proxy, proxying
from tests.paths.conftest import descendants, environment

READY_SECONDS = 30
STALE_SECONDS = 1
# What a ranking may take after the last needed process is back: a missed sweep, the ranking itself, and a machine
# with other work.
RANKED_SECONDS = 20 * STALE_SECONDS
POSTGRES, REDIS = ".s.PGSQL.5432", "redis.sock"
CLIENTS = ("api", "worker", "relay")

SETTINGS = {
    "SCI_TOKEN_SECRET": TOKEN_SECRET,
    "SCI_STALE_SECONDS": str(STALE_SECONDS),
    "SCI_POLL_SECONDS": "0.5",
    "SCI_REDIS_TIMEOUT_SECONDS": "1",
    "SCI_LOCK_TIMEOUT_SECONDS": "2",
    "SCI_STATEMENT_TIMEOUT_SECONDS": "3",
    "SCI_TASK_TIME_LIMIT_SECONDS": "5",
    "SCI_VISIBILITY_TIMEOUT_SECONDS": "10",
    "SCI_SHUTDOWN_SECONDS": "2",
    "SCI_LOG_LEVEL": "warning",
    "SCI_RATE_LIMIT": "off",
    "SCI_MOST_STREAMS_PER_ADDRESS": "2000",
}


@dataclass
class Installation:
    """`postgres` and `redis` have a proxy for each client process, by the name of that.

    `environment` has variables that a process is started with besides the others.
    """

    data_dir: Path
    postgres: dict[str, Proxy]
    redis: dict[str, Proxy]
    url: str
    processes: dict[str, Process]
    settings: dict[str, str]
    environment: dict[str, dict[str, str]] = field(default_factory=dict)
    pool: Pool = field(init=False)

    def child(self, name: str) -> Child:
        """What to run as the process *name*; a name may end in a number to have several."""
        if name == "postgres":
            return local.postgres(self.data_dir, {"fsync": "off", "max_connections": "300"})
        if name == "redis":
            return local.redis(self.data_dir)
        client = name.rstrip("0123456789")
        port = self.url.rpartition(":")[2]
        commands = {
            "api": [sys.executable, "-m", "api.cli.main", "serve", "--port", port],
            "worker": command.worker(1, "warning"),
            "relay": command.relay(),
        }
        urls = {
            "DATABASE_URL": f"postgresql://sci@/sci?host={self.data_dir}/{client}&port=5432",
            "REDIS_URL": f"unix://{self.data_dir}/{client}/{REDIS}?db=0",
        }
        log = self.data_dir / "log" / f"{name}.log"
        given = environment(**self.settings, **urls, SCI_DATA_DIR=str(self.data_dir), **self.environment.get(name, {}))
        return Child(name, commands[client], log, given)

    async def start(self, *names: str) -> None:
        """Start processes; servers are waited for."""
        for name in names:
            child = self.child(name)
            if child.prepare:
                await child.prepare()
            self.processes[name] = Process(child)
            await self.processes[name].ready()

    async def kill(self, name: str) -> None:
        """SIGKILL, as the kernel does it when memory ends."""
        process = self.processes.pop(name)
        process.kill()
        await process.end()

    async def terminate(self, name: str) -> str:
        """SIGTERM; returns how the process ended."""
        process = self.processes.pop(name)
        os.kill(process.pid, signal.SIGTERM)
        async with asyncio.timeout(READY_SECONDS):
            return await process.end()

    def pid(self, name: str) -> int:
        return self.processes[name].pid

    async def worker_child(self) -> int:
        """The process in which tasks run, as soon as there is one."""
        while not (children := descendants(self.pid("worker"))):
            await asyncio.sleep(0.02)
        return children[0]

    def token(self) -> str:
        return Tokens(TOKEN_SECRET.encode()).sign(Role.ADMIN, (), 3600)

    async def get(self, path: str) -> int:
        """The status of an address, 0 while nobody answers."""
        try:
            async with httpx2.AsyncClient(timeout=5) as client:
                return (await client.get(f"{self.url}{path}")).status_code
        except httpx2.TransportError:
            return 0

    async def post(self, query: str, variables: dict[str, Any] | None = None, *, seconds: float = 30) -> Any:
        """The answer to an operation of an admin; raises `httpx2.TransportError` when there is none."""
        async with httpx2.AsyncClient(timeout=seconds) as client:
            headers = {"Authorization": f"Bearer {self.token()}"}
            body = {"query": query, "variables": variables}
            return (await client.post(f"{self.url}/graphql", json=body, headers=headers)).json()

    async def heal(self) -> None:
        """Have every process there and every network open again."""
        for proxy in (*self.postgres.values(), *self.redis.values()):
            proxy.heal()
        for name in [name for name in self.processes if name not in ("postgres", "redis", *CLIENTS)]:
            await self.kill(name)
        for name in ("postgres", "redis", *CLIENTS):
            process = self.processes.get(name)
            if process is not None and process.outcome() is None:
                _go_on(process)
            else:
                await self.start(name)
        await self.until_ready()

    async def until_ready(self) -> None:
        async with asyncio.timeout(READY_SECONDS):
            while await self.get("/readyz") != 200:
                await asyncio.sleep(0.05)

    async def until_ranked(self, edition: int = 2025) -> float:
        """Wait until an edition's newest revision is ranked; returns the seconds that it took."""
        started = time.monotonic()
        behind = """select e.revision > coalesce((select max(revision) from ranking r where r.edition = e.year), 0)
                    from edition e where e.year = $1"""
        async with asyncio.timeout(RANKED_SECONDS):
            while await self.pool.fetchval(behind, edition):
                await asyncio.sleep(0.02)
        return time.monotonic() - started


@asynccontextmanager
async def installation(data_dir: Path, **settings: str) -> AsyncIterator[Installation]:
    """A whole one, with the bundled data, ready; *settings* go before those of the tests."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = local.database_url(data_dir)
    async with AsyncExitStack() as stack:
        stack.enter_context(local.claim(data_dir))
        run = Path(url.partition("host=")[2].partition("&")[0])
        proxies: dict[str, dict[str, Proxy]] = {POSTGRES: {}, REDIS: {}}
        for client in CLIENTS:
            for name, found in proxies.items():
                listen = data_dir / client / name
                found[client] = await stack.enter_async_context(proxying(listen, run / name))
        processes: dict[str, Process] = {}
        system = Installation(
            data_dir, proxies[POSTGRES], proxies[REDIS], f"http://127.0.0.1:{port}", processes, SETTINGS | settings
        )
        try:
            await system.start("postgres", "redis")
            await migrate.apply(url)
            system.pool = await create_pool(url, Settings(), "faults")
            stack.push_async_callback(system.pool.close)
            await load.load(system.pool, dataset.read(BUNDLED))
            await system.start(*CLIENTS)
            await system.until_ready()
            yield system
        finally:
            for name in reversed(processes):
                _go_on(processes[name])
                await processes[name].stop(5)


def _go_on(process: Process) -> None:
    for pid in (process.pid, *descendants(process.pid)):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


async def connection(system: Installation) -> Any:
    """A connection of the test's own, past every proxy."""
    return await connect(local.database_url(system.data_dir))
