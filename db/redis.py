"""Connections to Redis, which carries tasks, events and budgets and is never asked for what is true."""

from typing import TypeAlias

from redis import RedisError, ResponseError
from redis.asyncio import Redis

from db.settings import Settings

RedisClient: TypeAlias = Redis

# Any call on a client raises one of these while Redis does not answer.
REDIS_AWAY = (RedisError, OSError, TimeoutError)


class EvictionError(Exception):
    """Redis is not configured to keep what it is given."""


def connect_redis(settings: Settings) -> RedisClient:
    """A client of the settings' Redis; it connects with its first command."""
    assert settings.redis_url is not None
    client: RedisClient = Redis.from_url(settings.redis_url, socket_timeout=settings.redis_timeout_seconds)
    return client


async def check_eviction(redis: RedisClient) -> None:
    """Raise `EvictionError` when Redis may throw away queued tasks; a server that does not tell is trusted."""
    try:
        policy = (await redis.config_get("maxmemory-policy")).get("maxmemory-policy", "noeviction")
    except ResponseError:
        # Managed servers often forbid CONFIG.
        return
    if policy != "noeviction":
        raise EvictionError(f"Redis has maxmemory-policy {policy}, which may throw tasks away: set noeviction")


async def queue_length(redis: RedisClient, queue: str) -> int:
    """How many messages wait in a queue; raises one of `REDIS_AWAY` when Redis does not answer."""
    count: int = await redis.llen(queue)
    return count
