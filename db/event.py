"""The message between a worker and the API: a ranking has been stored. A pointer, never the data."""

from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from typing import TypeAlias

import orjson
from redis import RedisError, ResponseError
from redis.asyncio import Redis

from db.settings import Settings

Client: TypeAlias = Redis

CHANNEL = "sci:ranking"

# What any call here raises while Redis does not answer.
AWAY = (RedisError, OSError, TimeoutError)


class EvictionError(Exception):
    """Redis is not configured to keep what it is given."""


@dataclass(frozen=True, slots=True)
class RankingRecomputed:
    """The ranking of *edition* at *revision* is stored."""

    edition: int
    revision: int


def connect(settings: Settings) -> Client:
    """A client of the settings' Redis; it connects with its first command."""
    assert settings.redis_url is not None
    client: Client = Redis.from_url(settings.redis_url, socket_timeout=settings.redis_timeout_seconds)
    return client


async def check_eviction(redis: Client) -> None:
    """Raise `EvictionError` when Redis may throw away queued tasks; a server that does not tell is trusted."""
    try:
        policy = (await redis.config_get("maxmemory-policy")).get("maxmemory-policy", "noeviction")
    except ResponseError:
        # Managed servers often forbid CONFIG.
        return
    if policy != "noeviction":
        raise EvictionError(f"Redis has maxmemory-policy {policy}, which may throw tasks away: set noeviction")


async def waiting(redis: Client, queue: str) -> int:
    """How many messages wait in a queue; raises one of `AWAY` when Redis does not answer."""
    count: int = await redis.llen(queue)
    return count


async def publish(redis: Client, event: RankingRecomputed) -> None:
    """Tell every API process; raises one of `AWAY` when Redis does not answer."""
    await redis.publish(CHANNEL, orjson.dumps(asdict(event)))


async def subscribe(redis: Client, poll_seconds: float) -> AsyncIterator[RankingRecomputed | None]:
    """Every event published from now on; None once subscribed and then after each silent *poll_seconds*.

    Raises one of `AWAY` when Redis does not answer.
    """
    async with redis.pubsub() as pubsub:
        await pubsub.subscribe(CHANNEL)
        while True:
            message = await pubsub.get_message(timeout=poll_seconds)
            if message is None or message["type"] != "message":
                yield None
            else:
                yield RankingRecomputed(**orjson.loads(message["data"]))
