"""The servers of a data directory for the time of a block: all of them, or the database a command needs."""

import asyncio
import fcntl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Literal

from db.local.directory import InUseError, claim, database_url, lock_file
from db.local.postgres import accepts, postgres
from db.local.process import running
from db.local.redis import redis
from db.settings import Settings

# For as long as this a command waits for the servers that another process is starting or stopping.
JOIN_SECONDS = 60
POLL_SECONDS = 0.05


@asynccontextmanager
async def servers(
    data_dir: Path,
    *,
    want: Sequence[Literal["postgres", "redis"]] = ("postgres", "redis"),
    postgres_options: Mapping[str, str] | None = None,
) -> AsyncIterator[None]:
    """Postgres and Redis of *data_dir*, started for the time of the block and nobody else's.

    Reach them by `database_url` and `redis_url`. Raises LocalError, and InUseError when they run already.
    """
    with claim(data_dir):
        async with AsyncExitStack() as stack:
            if "postgres" in want:
                await stack.enter_async_context(running(postgres(data_dir, postgres_options)))
            if "redis" in want:
                await stack.enter_async_context(running(redis(data_dir)))
            yield


@asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[str]:
    """The DSN of the settings' database, or of this installation's, which is started for the block unless it runs.

    The command that started it waits, at the end, for other commands that have joined meanwhile.
    """
    if settings.database_url:
        yield settings.database_url
        return
    data_dir = settings.data_dir
    async with AsyncExitStack() as stack:
        users = stack.enter_context(lock_file(data_dir, "users"))
        await _flock(users, fcntl.LOCK_SH)
        started = await _join_or_start(data_dir, stack)
        try:
            yield database_url(data_dir)
        finally:
            if started:
                await _flock(users, fcntl.LOCK_EX)


async def _join_or_start(data_dir: Path, stack: AsyncExitStack) -> bool:
    """Start the server unless it runs, and say whether it was started; it then ends with *stack*."""
    deadline = asyncio.get_running_loop().time() + JOIN_SECONDS
    while not await accepts(data_dir):
        try:
            await stack.enter_async_context(servers(data_dir, want=["postgres"]))
        except InUseError:
            if asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(POLL_SECONDS)
        else:
            return True
    return False


async def _flock(descriptor: int, mode: int) -> None:
    while True:
        try:
            return fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
        except BlockingIOError:
            await asyncio.sleep(POLL_SECONDS)
