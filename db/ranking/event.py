"""The messages from workers and the relay to the API: a ranking was stored, an edition published. Never the data."""

from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from typing import TypeAlias

import orjson

from db.redis import RedisClient

CHANNEL = "sci:ranking"


@dataclass(frozen=True, slots=True)
class RankingRecomputed:
    """The ranking of *edition* at *revision* is stored; `traceparent` is the span that stored it, None untraced."""

    edition: int
    revision: int
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class EditionPublished:
    """An edition is for everyone from now on."""

    published: int


Event: TypeAlias = RankingRecomputed | EditionPublished


async def publish(redis: RedisClient, event: Event) -> None:
    """Tell every API process; raises one of `REDIS_AWAY` when Redis does not answer."""
    await redis.publish(CHANNEL, orjson.dumps(asdict(event)))


async def subscribe(redis: RedisClient, poll_seconds: float) -> AsyncIterator[Event | None]:
    """Every event published from now on; None once subscribed and then after each silent *poll_seconds*.

    Raises one of `REDIS_AWAY` when Redis does not answer.
    """
    async with redis.pubsub() as pubsub:
        await pubsub.subscribe(CHANNEL)
        while True:
            message = await pubsub.get_message(timeout=poll_seconds)
            if message is None or message["type"] != "message":
                yield None
            else:
                fields = orjson.loads(message["data"])
                yield EditionPublished(**fields) if "published" in fields else RankingRecomputed(**fields)
