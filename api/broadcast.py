"""One Redis subscription a process: every event, and every silent while, refreshes the index in memory."""

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
                await _refresh(index, recomputed)
        except event.AWAY as error:
            log.warning("redis is away, polling", error=repr(error))
        cancellation.heed()
        await _refresh(index)
        await asyncio.sleep(settings.poll_seconds)


async def _refresh(index: Index, recomputed: event.RankingRecomputed | None = None) -> None:
    """Read the index anew, and at once the ranking of which an event has told: whoever follows it wants it next."""
    reads: list[Awaitable[object]] = [index.refresh()]
    if recomputed is not None:
        reads.append(index.snapshots.get((recomputed.edition, recomputed.revision)))
    try:
        await asyncio.gather(*reads)
    except POSTGRES_AWAY as error:
        log.warning("postgres is away, serving what is in memory", error=repr(error))
    except Exception:
        # The next event or poll tries again; without this task the process would serve old rankings for ever.
        log.exception("refresh failed")
