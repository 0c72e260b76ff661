"""Redis gone, emptied or frozen: delay, and nothing else."""

import asyncio
import shutil
from collections.abc import Callable

from db import local
from db.redis import RedisClient, connect_redis
from db.settings import Settings
from tests.faults.installation import Installation
from tests.faults.test_killed import submit
from tests.faults.traffic import traffic

Measured = Callable[[str, str], None]


def client(system: Installation) -> RedisClient:
    return connect_redis(Settings(database_url=None, redis_url=local.redis_url(system.data_dir)))


async def test_killed_and_started_empty(system: Installation, is_long: bool, measured: Measured) -> None:
    async with traffic(system) as clients:
        for _ in range(5 if is_long else 1):
            before = len(clients.accepted)
            await system.kill("redis")
            await asyncio.sleep(1.5)
            assert len(clients.accepted) > before, "without Redis, scores are still accepted"
            shutil.rmtree(system.data_dir / "redis")
            await system.start("redis")
            await asyncio.sleep(1)
    measured("Redis killed and started empty, under traffic", f"ranked {clients.seconds:.1f} s later")


async def test_flushed(system: Installation, is_long: bool, measured: Measured) -> None:
    redis = client(system)
    async with traffic(system) as clients:
        for _ in range(50 if is_long else 10):
            await redis.flushall()
            await asyncio.sleep(0.1)
    await redis.aclose()
    measured("Redis flushed again and again, under traffic", f"ranked {clients.seconds:.1f} s later")


async def test_paused(system: Installation, is_long: bool, measured: Measured) -> None:
    seconds = 30 if is_long else 3
    redis = client(system)
    async with traffic(system) as clients:
        await redis.client_pause(seconds * 1000)
        before = len(clients.accepted)
        await asyncio.sleep(seconds - 1)
        assert len(clients.accepted) > before
        await asyncio.sleep(1)
    await redis.aclose()
    measured(f"Redis paused for {seconds} s under traffic", f"ranked {clients.seconds:.1f} s later")


async def test_an_acknowledgement_that_gets_no_answer(system: Installation) -> None:
    """The worker must take the next task all the same."""
    system.redis["worker"].hold_answers_after = b"HDEL"
    await submit(system, 70)
    await system.redis["worker"].is_holding.wait()
    await asyncio.sleep(1.5)
    system.redis["worker"].hold_answers_after = None
    for value in (71, 72, 73):
        await submit(system, value)
        await system.until_ranked()


async def test_without_redis_everyone_still_gets_what_is_ranked(system: Installation) -> None:
    """A subscription falls back to polling, while the message that a ranking is stored is lost."""
    async with traffic(system):
        system.redis["api"].flows.clear()
        await asyncio.sleep(2)
        await submit(system, 50)
        await asyncio.sleep(1)
