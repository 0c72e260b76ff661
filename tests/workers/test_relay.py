"""The relay: what the outbox asks for reaches Celery, and what is left behind is asked for again."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import orjson
from redis.asyncio import Redis

from db.change import outbox, publication
from db.change.publication import Publication
from db.postgres.pool import Pool, transaction
from db.ranking import event
from db.redis import connect_redis
from db.settings import Settings

WAIT_SECONDS = 20


@asynccontextmanager
async def relaying(settings: Settings, database_number: int, stale_seconds: int = 1) -> AsyncIterator["Redis"]:
    """A relay process on a Redis database of its own, which is empty at first."""
    redis_url = str(settings.redis_url).replace("db=0", f"db={database_number}")
    redis = connect_redis(settings.model_copy(update={"redis_url": redis_url}))
    await redis.flushdb()
    given = {
        "DATABASE_URL": str(settings.database_url),
        "REDIS_URL": redis_url,
        "SCI_STALE_SECONDS": str(stale_seconds),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "workers.relay", env={**os.environ, **given}, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield redis
    finally:
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
        await redis.aclose()


async def messages(redis: "Redis", count: int) -> list[list[object]]:
    """The arguments of the first *count* messages for workers, taken off the queue."""
    found: list[list[object]] = []
    async with asyncio.timeout(WAIT_SECONDS):
        while len(found) < count:
            taken = await redis.rpop("ranking")
            if taken is None:
                await asyncio.sleep(0.05)
                continue
            assert isinstance(taken, bytes)
            message = orjson.loads(taken)
            if message["headers"]["task"] == "health.canary":
                continue
            assert message["headers"]["task"] == "ranking.recompute"
            found.append(orjson.loads(message["headers"]["argsrepr"].replace("'", '"').replace("None", "null")))
    return found


async def test_one_message_an_edition_with_the_trace_of_the_change(settings: Settings, pool: Pool) -> None:
    async with relaying(settings, 1) as redis:
        async with transaction(pool) as writer:
            await outbox.append(writer, [2024, 2025, 2025], "abc")
        assert sorted(await messages(redis, 2)) == [[2024, "abc"], [2025, "abc"]]
        async with asyncio.timeout(WAIT_SECONDS):
            # They are sent before the claim commits.
            while await pool.fetchval("select count(*) from outbox"):
                await asyncio.sleep(0.05)


async def test_what_is_behind_is_asked_for_again_and_again(settings: Settings, pool: Pool) -> None:
    await pool.execute("update edition set revision = 2 where year = 2025")
    await pool.execute("delete from outbox")
    async with relaying(settings, 2) as redis:
        assert await messages(redis, 2) == [[2025, None], [2025, None]]


async def test_a_request_stays_while_redis_is_away(settings: Settings, pool: Pool) -> None:
    given = {
        "DATABASE_URL": str(settings.database_url),
        "REDIS_URL": f"unix://{settings.data_dir}/nothing.sock?db=0",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "workers.relay", env={**os.environ, **given}, stderr=asyncio.subprocess.PIPE
    )
    async with transaction(pool) as writer:
        await outbox.append(writer, [2025], None)
    assert process.stderr is not None
    async with asyncio.timeout(WAIT_SECONDS):
        while b"redis is away" not in await process.stderr.readline():
            pass
    assert await pool.fetchval("select count(*) from outbox where edition = 2025") >= 1
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(WAIT_SECONDS):
        await process.stderr.read()
    assert await process.wait() == 0


async def test_two_relays_share_the_outbox(pool: Pool) -> None:
    async with transaction(pool) as writer:
        await writer.execute("delete from outbox")
        await outbox.append(writer, [2023, 2024, 2025], None)
    async with transaction(pool) as one, transaction(pool) as two:
        first, second = await outbox.claim(one, 2), await outbox.claim(two, 2)
        assert [[request.edition for request in claimed] for claimed in (first, second)] == [[2023, 2024], [2025]]


async def test_a_redis_that_may_throw_tasks_away_is_refused(settings: Settings) -> None:
    redis = connect_redis(settings)
    given = {"DATABASE_URL": str(settings.database_url), "REDIS_URL": str(settings.redis_url)}
    await redis.config_set("maxmemory-policy", "allkeys-lru")
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "workers.relay", env={**os.environ, **given}, stderr=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(WAIT_SECONDS):
            _, errors = await process.communicate()
    finally:
        await redis.config_set("maxmemory-policy", "noeviction")
        await redis.aclose()
    assert process.returncode == 1
    assert errors.decode().splitlines()[-1] == (
        "Redis has maxmemory-policy allkeys-lru, which may throw tasks away: set noeviction"
    )


async def test_a_message_has_no_instant_in_it(settings: Settings, pool: Pool) -> None:
    """A worker whose clock is wrong takes it all the same."""
    async with relaying(settings, 3) as redis:
        async with transaction(pool) as writer:
            await outbox.append(writer, [2025], None)
        async with asyncio.timeout(WAIT_SECONDS):
            while (taken := await redis.rpop("ranking")) is None:
                await asyncio.sleep(0.05)
    assert isinstance(taken, bytes)
    headers = json.loads(taken)["headers"]
    assert (headers["task"], headers["expires"], headers["eta"]) == ("ranking.recompute", None, None)


async def test_a_scheduled_edition_is_published_at_its_instant_and_told(settings: Settings, pool: Pool) -> None:
    """By a relay that wakes for it: neither its sweep nor the wait for a notification comes first."""
    await pool.execute("update edition set published_at = null where year = 2025")
    async with relaying(settings, 4, stale_seconds=30) as redis, redis.pubsub() as events:
        await events.subscribe(event.CHANNEL)
        at = datetime.now(UTC) + timedelta(seconds=3)
        async with transaction(pool) as writer:
            assert not await publication.publish(writer, Publication(2025, at), "somebody")
        async with asyncio.timeout(WAIT_SECONDS):
            while (message := await events.get_message(ignore_subscribe_messages=True, timeout=0.1)) is None:
                pass
    assert orjson.loads(message["data"]) == {"published": 2025}
    published_at = await pool.fetchval("select published_at from edition where year = 2025")
    assert timedelta(0) <= published_at - at < timedelta(seconds=1.5)
    assert await pool.fetchval("select count(*) from edition_event where kind = 'published'") == 1
