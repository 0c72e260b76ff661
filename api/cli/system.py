"""The whole system on this machine: its own Postgres and Redis, API, worker and relay, as supervised children."""

import asyncio
import errno
import os
import shutil
import signal
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from api.access import oidc
from api.cli import command
from api.cli.supervisor import Supervisor
from api.cli.welcome import welcome
from db import local
from db.dataset import load
from db.dataset.dataset import Dataset
from db.local import Child, LocalError
from db.postgres import migrate
from db.postgres.pool import close, create_pool
from db.settings import Settings

READY_POLL_SECONDS = 0.05
READY_SECONDS = 120.0
LISTEN_POLL_SECONDS = 0.1
TAKEOVER_SECONDS = 3.0


@dataclass(frozen=True)
class StartOptions:
    """What one `sci up` starts; *dataset* is called when the database is empty."""

    settings: Settings
    host: str
    port: int
    workers: int
    api_processes: int
    dataset: Callable[[], Dataset]


def run(options: StartOptions, say: Callable[[str], None]) -> None:
    """Run until SIGINT or SIGTERM; a second signal kills.

    Raises LocalError for what keeps it from starting and ChildError for a child that keeps dying.
    """
    with ExitStack() as stack:
        # The data directory first: its lock says whether another `sci up` is why the port is taken.
        if not (options.settings.database_url and options.settings.redis_url):
            stack.enter_context(local.claim(options.settings.data_dir))
        listener = stack.enter_context(_listen(options.host, options.port))
        asyncio.run(_System(options, listener, say).run())


def _listen(host: str, port: int) -> socket.socket:
    """The listening socket that all API processes share, so that a restarted one misses no connection.

    An API process whose `sci up` was killed keeps the port until it has noticed, hence more than one attempt.
    """
    deadline = time.monotonic() + TAKEOVER_SECONDS
    while True:
        try:
            return _bound(host, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise LocalError(f"cannot listen on {host} port {port}: {error.strerror or error}") from error
            time.sleep(LISTEN_POLL_SECONDS)


def _bound(host: str, port: int) -> socket.socket:
    family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1024)
    except OSError:
        listener.close()
        raise
    return listener


class _System:
    def __init__(self, options: StartOptions, listener: socket.socket, say: Callable[[str], None]) -> None:
        self.options = options
        self.listener = listener
        self.say = say
        self.data_dir = options.settings.data_dir
        self.supervisor: Supervisor
        self.settings = options.settings.model_copy(
            update={
                "database_url": options.settings.database_url or local.database_url(self.data_dir),
                "redis_url": options.settings.redis_url or local.redis_url(self.data_dir),
            }
        )

    async def run(self) -> None:
        self.supervisor = Supervisor(self.say)
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()

        def signalled() -> None:
            if stop.is_set():
                self.supervisor.kill()
            stop.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, signalled)
        await self.supervisor.run(self._begin(), stop)
        self.say("stopped")

    async def _begin(self) -> None:
        started = time.perf_counter()
        if not self.options.settings.database_url:
            await self._start(local.postgres(self.data_dir))
        if not self.options.settings.redis_url:
            await self._start(local.redis(self.data_dir))
        await self._migrate_and_load()
        _empty(self.data_dir / "metrics")
        oidc.verifier(self.settings)  # makes the secret, once for all processes
        for name, arguments in self._commands().items():
            await self._start(self._child(name, arguments))
        host = f"[{self.options.host}]" if ":" in self.options.host else self.options.host
        url = f"http://{host}:{self.listener.getsockname()[1]}/"
        await _until_ready(self.listener)
        self.say(f"ready after {time.perf_counter() - started:.1f} s: {url}")
        for line in welcome(url, self.options.settings):
            self.say(line)

    async def _start(self, child: Child) -> None:
        await self.supervisor.start(child)
        self.say(f"{child.name} started")

    async def _migrate_and_load(self) -> None:
        assert self.settings.database_url is not None
        await migrate.apply(self.settings.database_url)
        self.say("migrations applied")
        pool = await create_pool(self.settings.database_url, self.settings, "up")
        try:
            if await load.is_empty(pool):
                loaded = await load.load(pool, self.options.dataset())
                self.say(f"data loaded: {sum(loaded.change_counts.values())} scores")
        finally:
            await close(pool)

    def _commands(self) -> dict[str, list[str]]:
        count = self.options.api_processes
        names = ["api"] if count == 1 else [f"api-{number}" for number in range(1, count + 1)]
        return {
            **{name: command.serve(self.listener.fileno()) for name in names},
            "worker": command.worker(self.options.workers, self.settings.log_level),
            "relay": command.relay(),
        }

    def _child(self, name: str, arguments: list[str]) -> Child:
        assert self.settings.database_url is not None
        assert self.settings.redis_url is not None
        return Child(
            name,
            arguments,
            self.data_dir / "log" / f"{name}.log",
            environment={
                **os.environ,
                "DATABASE_URL": self.settings.database_url,
                "REDIS_URL": self.settings.redis_url,
                "SCI_DATA_DIR": str(self.data_dir),
                "PROMETHEUS_MULTIPROC_DIR": str(self.data_dir / "metrics"),
            },
            pass_fds=(self.listener.fileno(),),
        )


async def _until_ready(listener: socket.socket) -> None:
    """Until `/readyz` answers 200 through the door that clients use; LocalError when that takes too long."""
    host, port = listener.getsockname()[:2]
    last = b""
    try:
        async with asyncio.timeout(READY_SECONDS):
            while b" 200 " not in (last := await _get(host, port, "/readyz")).partition(b"\r\n")[0]:
                await asyncio.sleep(READY_POLL_SECONDS)
    except TimeoutError as error:
        said = last.rpartition(b"\r\n")[2].decode().strip()
        raise LocalError(f"not ready after {READY_SECONDS:.0f} s: {said}") from error


async def _get(host: str, port: int, path: str) -> bytes:
    wildcard = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - asked of ourselves
    reader, writer = await asyncio.open_connection(wildcard.get(host, host), port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


def _empty(folder: Path) -> None:
    """Leave the folder there and empty: figures of processes that ended with the last start would be added again."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
