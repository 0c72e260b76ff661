"""Brings rankings to the revision of their scores: read at one instant, compute, store once, tell."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from db import computation, edition, event, inputs, ranking, recomputation, telemetry
from db.edition import State
from db.pool import AWAY as POSTGRES_AWAY
from db.pool import TOO_LONG, Pool, transaction
from db.settings import Settings

log = telemetry.logger(__name__)


async def bring_up_to_date(pool: Pool, redis: event.Client, settings: Settings, year: int) -> None:
    """Rank every stale edition up to *year*, oldest first: an edition is compared with the ones before.

    One that cannot be computed is parked after `task_attempts` attempts, and holds up no other: those are ranked
    without it, and once more when it is.
    """
    await _advance_outdated(pool)
    for state in await edition.states(pool):
        if state.year <= year and state.is_due(settings.task_attempts):
            revision = await _rank(pool, settings, state)
            if revision is not None:
                await _tell(redis, event.RankingRecomputed(state.year, revision))


async def _rank(pool: Pool, settings: Settings, state: State) -> int | None:
    """The revision that was ranked; None when none was due, or when it could not be computed."""
    revision = None
    # The lock has a transaction of its own: waiting for it inside the reading one would fix that one's
    # snapshot before the ranking of whoever held the lock is there.
    async with transaction(pool) as guard:
        await ranking.lock(guard, state.year)
        if _due(await edition.states(pool), settings, state.year) is None:
            return None
        async with _attempt(pool, state):
            revision = await _compute(pool, settings, state.year)
            if revision is None:
                await recomputation.forgive(pool, state.year, state.revision)
    return revision


async def _tell(redis: event.Client, recomputed: event.RankingRecomputed) -> None:
    try:
        await event.publish(redis, recomputed)
    except event.AWAY as error:
        # Subscribers find the ranking with their next poll.
        log.warning("event not published", error=str(error))


async def _compute(pool: Pool, settings: Settings, year: int) -> int | None:
    """Store the ranking of the newest revision, which is returned; None when it is not due any more."""
    async with transaction(pool, "repeatable_read") as writer:
        states = await edition.states(writer)
        revision = _due(states, settings, year, begun=1)
        if revision is None:
            return None
        computed = computation.compute(await inputs.read(writer, year, revision))
        await ranking.save(writer, computed)
        await recomputation.end(writer, year)
        if settings.keep_rankings is not None:
            await ranking.prune(writer, [each.year for each in states if each.year <= year], settings.keep_rankings)
    log.info("ranking stored", revision=revision, cities=len(computed.cities), input_hash=computed.input_hash)
    return revision


@asynccontextmanager
async def _attempt(pool: Pool, state: State) -> AsyncIterator[None]:
    """Counts an attempt to rank an edition, and takes note of what an edition's own data made fail."""
    await recomputation.begin(pool, state.year, state.revision)
    try:
        yield
    except TOO_LONG as error:
        await _fail(pool, state, error)
    except (*POSTGRES_AWAY, asyncio.CancelledError):
        with suppress(*POSTGRES_AWAY):
            await recomputation.forgive(pool, state.year, state.revision)
        raise
    except Exception as error:
        await _fail(pool, state, error)


async def _fail(pool: Pool, state: State, error: Exception) -> None:
    log.error("ranking failed", year=state.year, revision=state.revision, attempt=state.attempts + 1, exc_info=error)
    await recomputation.fail(pool, state.year, state.revision, f"{type(error).__name__}: {error}")


async def _advance_outdated(pool: Pool) -> None:
    """New revisions for editions that were ranked before an earlier, parked one was."""
    if years := await edition.outdated(pool):
        async with transaction(pool) as writer:
            await edition.lock_from(writer, years[0])
            await edition.advance(writer, await edition.outdated(writer))


def _due(states: list[State], settings: Settings, year: int, begun: int = 0) -> int | None:
    """The revision to rank; None when it is ranked or parked, or when an earlier edition must be ranked first.

    *begun* attempts are the caller's own.
    """
    for state in states:
        if state.year == year:
            return state.revision if state.is_due(settings.task_attempts + begun) else None
        if state.is_stale and not state.has_failed:
            return None
    return None
