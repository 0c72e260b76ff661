"""One Redis subscription a process: each event takes its ranking into the index in memory, each poll reads all."""

import asyncio
from collections.abc import Awaitable

from api.index import Index
from db import cancellation, event, telemetry
from db.pool import AWAY as POSTGRES_AWAY
from db.settings import Settings

log = telemetry.logger(__name__)


async def follow(index: Index, redis: event.Client, settings: Settings) -> None:
    """Keep *index* fresh until cancelled. An event is a hint; without Redis the poll alone remains."""
    while True:
        try:
            async for recomputed in event.subscribe(redis, settings.poll_seconds):
                cancellation.heed()
                if recomputed is not None:
                    await _heed_failure(index.hear(recomputed.edition, recomputed.revision))
                if recomputed is None or index.age_seconds > settings.poll_seconds:
                    await _heed_failure(index.refresh())
        except event.AWAY as error:
            log.warning("redis is away, polling", error=repr(error))
        cancellation.heed()
        await _heed_failure(index.refresh())
        await asyncio.sleep(settings.poll_seconds)


async def _heed_failure(reading: Awaitable[None]) -> None:
    try:
        await reading
    except POSTGRES_AWAY as error:
        log.warning("postgres is away, serving what is in memory", error=repr(error))
    except Exception:
        # The next event or poll tries again; without this task the process would serve old rankings for ever.
        log.exception("refresh failed")
