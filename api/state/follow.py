"""One Redis subscription a process: each event takes its ranking into the index in memory, each poll reads all."""

import asyncio
from collections.abc import Awaitable

from api.state.live import LiveRankings
from db import telemetry, tracing
from db.postgres import cancellation
from db.postgres.pool import AWAY as POSTGRES_AWAY
from db.ranking import event
from db.redis import REDIS_AWAY, RedisClient
from db.settings import Settings

log = telemetry.logger(__name__)


async def follow(live: LiveRankings, redis: RedisClient, settings: Settings) -> None:
    """Keep *live* fresh until cancelled. An event is a hint; without Redis the poll alone remains."""
    while True:
        try:
            async for heard in event.subscribe(redis, settings.poll_seconds):
                cancellation.raise_if_cancelled()
                if isinstance(heard, event.RankingRecomputed):
                    await _heed_failure(_hear(live, heard))
                if not isinstance(heard, event.RankingRecomputed) or live.age_seconds > settings.poll_seconds:
                    await _heed_failure(live.refresh())
        except REDIS_AWAY as error:
            log.warning("redis is away, polling", error=repr(error))
        cancellation.raise_if_cancelled()
        await _heed_failure(live.refresh())
        await asyncio.sleep(settings.poll_seconds)


async def _hear(live: LiveRankings, recomputed: event.RankingRecomputed) -> None:
    if recomputed.traceparent is None:
        await live.hear(recomputed.edition, recomputed.revision)
        return
    with tracing.span("process ranking event", "consumer", recomputed.traceparent, {"messaging.system": "redis"}):
        live.traceparents[recomputed.edition] = tracing.traceparent()
        await live.hear(recomputed.edition, recomputed.revision)


async def _heed_failure(reading: Awaitable[None]) -> None:
    try:
        await reading
    except POSTGRES_AWAY as error:
        log.warning("postgres is away, serving what is in memory", error=repr(error))
    except Exception:
        # The next event or poll tries again; without this task the process would serve old rankings for ever.
        log.exception("refresh failed")
