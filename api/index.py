"""This process's picture of the index: catalogue, newest revisions, snapshots. Postgres is the truth."""

import asyncio

from api import catalogue
from api.catalogue import Catalogue
from api.snapshot import Snapshots
from db import definition, edition
from db.pool import AWAY, Pool
from db.settings import Settings


class Index:
    """`newest` maps each edition to its newest ranked revision, which only grows; `version` is the catalogue's.

    `generation` counts the changes of both. `is_stale` is True while Postgres does not answer: what is in memory may
    not be the newest.
    """

    def __init__(self, pool: Pool, settings: Settings) -> None:
        self.pool = pool
        self.settings = settings
        self.snapshots = Snapshots(pool, settings.snapshot_cache_size)
        self.catalogue = Catalogue({}, {}, {})
        self.newest: dict[int, int] = {}
        self.is_ready = False
        self.version: tuple[int, int, int] | None = None
        self.is_stale = False
        self.generation = 0
        self._changed = asyncio.Event()

    async def refresh(self) -> None:
        """Read what is newest and wake everyone who waits when it is newer than before."""
        try:
            await self._read()
        except AWAY:
            self.is_stale = True
            raise
        self.is_stale = False

    async def _read(self) -> None:
        states = await edition.states(self.pool)
        version = await definition.version(self.pool)
        if version != self.version:
            self.catalogue = await catalogue.read(self.pool)
            self.version = version
            self.generation += 1
        newest = {state.year: state.ranked_revision for state in states if state.ranked_revision is not None}
        self.is_ready = all(state.year in newest for state in states if state.is_due(self.settings.task_attempts))
        if any(revision > self.newest.get(year, 0) for year, revision in newest.items()):
            # Of two refreshes that overlap, the one that read first may end last.
            self.newest = {year: max(revision, self.newest.get(year, 0)) for year, revision in newest.items()}
            self.generation += 1
            self._changed.set()
            self._changed = asyncio.Event()

    async def changed(self) -> None:
        """Wait until some edition has a newer ranking."""
        await self._changed.wait()
