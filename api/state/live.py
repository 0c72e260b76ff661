"""This process's picture of the index: catalogue, newest revisions, snapshots. Postgres is the truth."""

import asyncio
import math
import time

from api.state import catalogue
from api.state.catalogue import Catalogue
from api.state.snapshot import Snapshots
from db.index import definition, edition, installation
from db.postgres.pool import AWAY, Pool
from db.settings import Settings


class LiveRankings:
    """`newest` maps each edition to its newest ranked revision, which only grows; `version` is the catalogue's.

    `generation` counts the changes of both. `traceparents` has the span that loaded each edition's newest ranking,
    where it was traced. `is_stale` is True while Postgres does not answer: what is in memory may
    not be the newest. `epoch` is another one when the database was restored. `unranked` are the editions that wait for
    their first ranking.
    """

    def __init__(self, pool: Pool, settings: Settings) -> None:
        self.pool = pool
        self.settings = settings
        self.snapshots = Snapshots(pool, settings.snapshot_cache_size)
        self.catalogue = Catalogue({}, {}, {})
        self.newest: dict[int, int] = {}
        self.unranked: tuple[int, ...] = ()
        self.version: tuple[int, int, int] | None = None
        self.is_stale = False
        self.generation = 0
        self.epoch = ""
        self.traceparents: dict[int, str | None] = {}
        self._read_at = -math.inf
        self._changed = asyncio.Event()

    async def refresh(self) -> None:
        """Read what is newest and wake everyone who waits when it is newer than before."""
        try:
            await self._read()
        except AWAY:
            self.is_stale = True
            raise
        self.is_stale = False
        self._read_at = time.monotonic()

    @property
    def age_seconds(self) -> float:
        """Since all of it was read."""
        return time.monotonic() - self._read_at

    async def _read(self) -> None:
        # Before all else: what an epoch names is never older than it.
        epoch = await installation.epoch(self.pool)
        if epoch != self.epoch:
            self._forget(epoch)
        states = await edition.states(self.pool)
        version = await definition.version(self.pool)
        if version != self.version:
            self.catalogue = await catalogue.read(self.pool)
            self.version = version
            self.generation += 1
        newest = {state.year: state.ranked_revision for state in states if state.ranked_revision is not None}
        due = [state.year for state in states if state.is_due(self.settings.task_attempts)]
        self.unranked = tuple(year for year in due if year not in newest)
        self._advance(newest)

    def _forget(self, epoch: str) -> None:
        """Drop what was read before the database was restored: the same revision may be another ranking now."""
        self.epoch = epoch
        self.newest, self.version = {}, None
        self.snapshots = Snapshots(self.pool, self.settings.snapshot_cache_size)
        self.generation += 1

    async def hear(self, year: int, revision: int) -> None:
        """Take in a ranking that is said to be stored, and wake everyone who waits when it is newer than before.

        Reads nothing else, unless it names cities that may be newer than the catalogue.
        """
        snapshot = await self.snapshots.get((year, revision))
        basis = None if snapshot is None else snapshot.ranking.basis
        if basis is None or self.version is None or max(basis.definitions.values()) > self.version[1]:
            await self.refresh()
        else:
            self._advance({year: revision})

    def _advance(self, newest: dict[int, int]) -> None:
        if any(revision > self.newest.get(year, 0) for year, revision in newest.items()):
            # Of two refreshes that overlap, the one that read first may end last.
            self.newest = self.newest | {
                year: max(revision, self.newest.get(year, 0)) for year, revision in newest.items()
            }
            self.generation += 1
            self._changed.set()
            self._changed = asyncio.Event()

    async def changed(self) -> None:
        """Wait until some edition has a newer ranking."""
        await self._changed.wait()
