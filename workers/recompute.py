"""Brings rankings to the revision of their scores: read at one instant, compute, store once, tell."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from db import telemetry, tracing
from db.index import edition
from db.index.edition import EditionProgress
from db.postgres.pool import AWAY as POSTGRES_AWAY
from db.postgres.pool import TOO_LONG, Pool, Writer, transaction
from db.ranking import attempt, compute, event, store
from db.ranking.incremental import RecentRankings
from db.ranking.inputs import newest_basis
from db.redis import REDIS_AWAY, RedisClient
from db.settings import Settings
from workers import metrics

log = telemetry.logger(__name__)

# Of one task: one waits for the lock of an edition, one reads it, one counts the attempt. With fewer, a task would wait
# for a connection that it has itself.
MOST_CONNECTIONS_AT_ONCE = 3


class Recomputer:
    """What a worker recomputes with; one task at a time."""

    def __init__(self, pool: Pool, redis: RedisClient, settings: Settings) -> None:
        self._pool = pool
        self._redis = redis
        self._settings = settings
        self._kept = RecentRankings()

    async def bring_up_to_date(self, year: int) -> None:
        """Rank every stale edition up to *year*, oldest first: an edition is compared with the ones before.

        One that cannot be computed is parked after `task_attempts` attempts, and holds up no other: those are ranked
        without it, and once more when it is.
        """
        if await self._rank(year, alone=True):
            return
        for state in await self._states():
            if state.year <= year and state.is_due(self._settings.task_attempts):
                await self._rank(state.year)

    async def _states(self) -> list[EditionProgress]:
        """Where every edition stands.

        When a parked edition was ranked late, later editions that were ranked without it get a new revision first.
        """
        states = await edition.states(self._pool)
        if not any(state.is_outdated for state in states):
            return states
        async with transaction(self._pool) as writer:
            await edition.lock_all(writer)
            await edition.advance(writer, [state.year for state in await edition.states(writer) if state.is_outdated])
            return await edition.states(writer)

    async def _rank(self, year: int, *, alone: bool = False) -> bool:
        """Store the ranking of an edition that is due, and tell.

        *alone*, only where no other edition must be seen to before it; False when one must.
        """
        async with self._attempt() as begin:
            async with self._locked(year) as writer:
                states = await edition.states(writer)
                if alone and any(self._comes_first(state, year) for state in states):
                    return False
                state = _due(states, self._settings, year)
                if state is None:
                    return True
                counting = asyncio.ensure_future(begin(state))
                try:
                    with metrics.step("read"):
                        given, before = await self._kept.read(writer, year, state.revision, newest_basis(states, year))
                finally:
                    await counting
                with metrics.step("compute"):
                    computed = compute.compute(given, before)
                with metrics.step("store"):
                    await store.save(writer, computed, before)
            with metrics.step("publish"):
                await self._tell(event.RankingRecomputed(year, state.revision, tracing.traceparent()))
            metrics.RECOMPUTES.labels("stored").inc()
            self._kept.keep(given, computed)
            cities, input_hash = len(computed.order), computed.input_hash
            log.info("ranking stored", revision=state.revision, cities=cities, input_hash=input_hash)
            if self._settings.keep_rankings is not None:
                await self._prune([each.year for each in states if each.year <= year], self._settings.keep_rankings)
        return True

    async def _prune(self, years: list[int], keep: int) -> None:
        try:
            async with transaction(self._pool) as writer:
                await store.prune(writer, years, keep)
        except POSTGRES_AWAY as error:
            log.warning("rankings not pruned, the next one prunes again", error=repr(error))

    @asynccontextmanager
    async def _locked(self, year: int) -> AsyncIterator[Writer]:
        """One instant to read an edition at, and nobody else who ranks it."""
        async with transaction(self._pool, "repeatable_read") as writer:
            if await store.try_lock(writer, year):
                yield writer
                return
        # Waiting in the reading transaction would fix its instant before whoever holds the lock has stored a ranking.
        async with transaction(self._pool) as waiting:
            await store.end_stuck(waiting, year, 2 * self._settings.task_time_limit_seconds)
            await store.lock(waiting, year)
            async with transaction(self._pool, "repeatable_read") as writer:
                yield writer

    def _comes_first(self, state: EditionProgress, year: int) -> bool:
        return state.is_outdated or (state.year < year and state.is_due(self._settings.task_attempts))

    async def _tell(self, recomputed: event.RankingRecomputed) -> None:
        try:
            await event.publish(self._redis, recomputed)
        except REDIS_AWAY as error:
            # Subscribers find the ranking with their next poll.
            log.warning("event not published", error=str(error))

    @asynccontextmanager
    async def _attempt(self) -> AsyncIterator[Callable[[EditionProgress], Awaitable[None]]]:
        """Gives what counts an attempt to rank an edition, and takes note of what an edition's own data made fail."""
        begun: list[EditionProgress] = []

        async def begin(state: EditionProgress) -> None:
            await attempt.begin(self._pool, state.year, state.revision)
            begun.append(state)

        try:
            yield begin
        except store.STORED_ALREADY:
            # Another worker stored it after this one's snapshot began and before this one got the lock.
            await self._forgive(begun)
        except TOO_LONG as error:
            await self._fail(begun, error)
        except (*POSTGRES_AWAY, asyncio.CancelledError):
            with suppress(*POSTGRES_AWAY):
                await self._forgive(begun)
            raise
        except Exception as error:
            await self._fail(begun, error)

    async def _forgive(self, begun: list[EditionProgress]) -> None:
        metrics.RECOMPUTES.labels("interrupted").inc()
        for state in begun:
            await attempt.forgive(self._pool, state.year, state.revision)

    async def _fail(self, begun: list[EditionProgress], error: Exception) -> None:
        if not begun:
            raise error
        metrics.RECOMPUTES.labels("failed").inc()
        for state in begun:
            where = {"year": state.year, "revision": state.revision, "attempt": state.attempts + 1}
            log.error("ranking failed", **where, exc_info=error)
            await attempt.fail(self._pool, state.year, state.revision, f"{type(error).__name__}: {error}")


def _due(states: list[EditionProgress], settings: Settings, year: int) -> EditionProgress | None:
    """Where an edition stands that is to be ranked.

    None when it is ranked or parked, or when an earlier edition must be ranked first.
    """
    for state in states:
        if state.year == year:
            return state if state.is_due(settings.task_attempts) else None
        if state.is_published and state.is_stale and not state.has_failed:
            return None
    return None
