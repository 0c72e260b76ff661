"""Brings rankings to the revision of their scores: read at one instant, compute, store once, tell."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from db import computation, edition, event, ranking, recomputation, telemetry
from db.edition import State
from db.inputs import newest_basis
from db.kept_inputs import KeptInputs
from db.pool import AWAY as POSTGRES_AWAY
from db.pool import TOO_LONG, Pool, transaction
from db.settings import Settings

log = telemetry.logger(__name__)


class Recomputer:
    """What a worker recomputes with; one task at a time."""

    def __init__(self, pool: Pool, redis: event.Client, settings: Settings) -> None:
        self._pool = pool
        self._redis = redis
        self._settings = settings
        self._kept = KeptInputs()

    async def bring_up_to_date(self, year: int) -> None:
        """Rank every stale edition up to *year*, oldest first: an edition is compared with the ones before.

        One that cannot be computed is parked after `task_attempts` attempts, and holds up no other: those are ranked
        without it, and once more when it is.
        """
        for state in await self._states():
            if state.year <= year and state.is_due(self._settings.task_attempts):
                revision = await self._rank(state)
                if revision is not None:
                    await self._tell(event.RankingRecomputed(state.year, revision))

    async def _states(self) -> list[State]:
        """Where every edition stands; those that were ranked before an earlier, parked one was have a new revision."""
        states = await edition.states(self._pool)
        if not any(state.is_outdated for state in states):
            return states
        async with transaction(self._pool) as writer:
            await edition.lock_all(writer)
            await edition.advance(writer, [state.year for state in await edition.states(writer) if state.is_outdated])
            return await edition.states(writer)

    async def _rank(self, state: State) -> int | None:
        """The revision that was ranked; None when none was due, or when it could not be computed."""
        revision = None
        # The lock has a transaction of its own: waiting for it inside the reading one would fix that one's
        # snapshot before the ranking of whoever held the lock is there.
        async with transaction(self._pool) as guard:
            await ranking.lock(guard, state.year)
            if _due(await edition.states(guard), self._settings, state.year) is None:
                return None
            async with self._attempt(state):
                revision = await self._compute(state.year)
                if revision is None:
                    await recomputation.forgive(self._pool, state.year, state.revision)
        return revision

    async def _tell(self, recomputed: event.RankingRecomputed) -> None:
        try:
            await event.publish(self._redis, recomputed)
        except event.AWAY as error:
            # Subscribers find the ranking with their next poll.
            log.warning("event not published", error=str(error))

    async def _compute(self, year: int) -> int | None:
        """Store the ranking of the newest revision, which is returned; None when it is not due any more."""
        async with transaction(self._pool, "repeatable_read") as writer:
            states = await edition.states(writer)
            revision = _due(states, self._settings, year, begun=1)
            if revision is None:
                return None
            given = await self._kept.read(writer, year, revision, newest_basis(states, year))
            computed = computation.compute(given)
            await ranking.save(writer, computed)
            await recomputation.end(writer, year)
            if self._settings.keep_rankings is not None:
                years = [each.year for each in states if each.year <= year]
                await ranking.prune(writer, years, self._settings.keep_rankings)
        self._kept.keep(given, computed.input_hash)
        log.info("ranking stored", revision=revision, cities=len(computed.cities), input_hash=computed.input_hash)
        return revision

    @asynccontextmanager
    async def _attempt(self, state: State) -> AsyncIterator[None]:
        """Counts an attempt to rank an edition, and takes note of what an edition's own data made fail."""
        await recomputation.begin(self._pool, state.year, state.revision)
        try:
            yield
        except TOO_LONG as error:
            await self._fail(state, error)
        except (*POSTGRES_AWAY, asyncio.CancelledError):
            with suppress(*POSTGRES_AWAY):
                await recomputation.forgive(self._pool, state.year, state.revision)
            raise
        except Exception as error:
            await self._fail(state, error)

    async def _fail(self, state: State, error: Exception) -> None:
        log.error(
            "ranking failed", year=state.year, revision=state.revision, attempt=state.attempts + 1, exc_info=error
        )
        await recomputation.fail(self._pool, state.year, state.revision, f"{type(error).__name__}: {error}")


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
