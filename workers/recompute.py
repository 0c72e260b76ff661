"""Brings rankings to the revision of their scores: read at one instant, compute, store once, tell."""

from db import edition, event, inputs, ranking, telemetry
from db.edition import State
from db.pool import Pool, transaction

log = telemetry.logger(__name__)


async def bring_up_to_date(pool: Pool, redis: event.Client, year: int, keep: int | None) -> None:
    """Rank every stale edition up to *year*, oldest first: an edition is compared with the one before.

    Of each open edition the newest *keep* rankings stay, all of them when that is None.
    """
    for state in await edition.states(pool):
        if state.year <= year and state.is_stale:
            await _rank(pool, redis, state.year, keep)


async def _rank(pool: Pool, redis: event.Client, year: int, keep: int | None) -> None:
    # The lock has a transaction of its own: waiting for it inside the reading one would fix that one's
    # snapshot before the ranking of whoever held the lock is there.
    async with transaction(pool) as guard:
        await ranking.lock(guard, year)
        async with transaction(pool, "repeatable_read") as writer:
            states = await edition.states(writer)
            revision = _due(states, year)
            if revision is None:
                return
            computed = ranking.compute(await inputs.read(writer, year, revision))
            await ranking.save(writer, computed)
            if keep is not None:
                await ranking.prune(writer, [state.year for state in states if state.year <= year], keep)
    log.info("ranking stored", revision=revision, cities=len(computed.cities), input_hash=computed.input_hash)
    try:
        await event.publish(redis, event.RankingRecomputed(year, revision))
    except event.AWAY as error:
        # Subscribers find the ranking with their next poll.
        log.warning("event not published", error=str(error))


def _due(states: list[State], year: int) -> int | None:
    """The revision to rank; None when it is ranked, or when an earlier edition must be ranked first."""
    stale = [state for state in states if state.year <= year and state.is_stale]
    return stale[0].revision if stale and stale[0].year == year else None
