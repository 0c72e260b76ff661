"""This process's picture of the index: catalogue, newest revisions, snapshots. Postgres is the truth."""

import asyncio
import math
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from api.state import catalogue
from api.state.catalogue import Catalogue
from api.state.snapshot import Snapshots
from db.index import definition, edition, installation
from db.index.definition import Version
from db.postgres.pool import AWAY, Pool
from db.settings import Settings

T = TypeVar("T")


class LiveRankings:
    """`newest` maps each edition to its newest ranked revision, which only grows; `version` is the catalogue's.

    Drafts are in both: `api.state.sight` says who may see which, and `*_of_readers`, `*_of_editors` and
    `*_of_published` are what is left.

    `generation` counts the changes of both. `traceparents` has the span that loaded each edition's newest ranking,
    where it was traced. `is_stale` is True while Postgres does not answer: what is in memory may
    not be the newest. `epoch` is another one when the database was restored. `unranked` are the published editions
    that wait for their first ranking.
    """

    def __init__(self, pool: Pool, settings: Settings) -> None:
        self.pool = pool
        self.settings = settings
        self.snapshots = Snapshots(pool, settings.snapshot_cache_size)
        self.newest: dict[int, int] = {}
        self.newest_of_published: dict[int, int] = {}
        self.unranked: tuple[int, ...] = ()
        self._set_catalogue(Catalogue({}, {}, {}))
        self.version: Version | None = None
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
            self._set_catalogue(await catalogue.read(self.pool))
            self.version = version
            self._wake()
        newest = {state.year: state.ranked_revision for state in states if state.ranked_revision is not None}
        due = [state.year for state in states if state.is_published and state.is_due(self.settings.task_attempts)]
        self.unranked = tuple(year for year in due if year not in newest)
        self._advance(newest)

    def _forget(self, epoch: str) -> None:
        """Drop what was read before the database was restored: the same revision may be another ranking now."""
        self.epoch = epoch
        self.newest, self.newest_of_published, self.version = {}, {}, None
        self.snapshots = Snapshots(self.pool, self.settings.snapshot_cache_size)
        self.generation += 1

    async def hear(self, year: int, revision: int) -> None:
        """Take in a ranking that is said to be stored, and wake everyone who waits when it is newer than before.

        Reads nothing else, unless it names cities that may be newer than the catalogue.
        """
        snapshot = await self.snapshots.get((year, revision))
        basis = None if snapshot is None else snapshot.ranking.basis
        if basis is None or self.version is None or max(basis.definitions.values()) > self.version.definition:
            await self.refresh()
        else:
            self._advance({year: revision})

    def _advance(self, newest: dict[int, int]) -> None:
        if any(revision > self.newest.get(year, 0) for year, revision in newest.items()):
            # Of two refreshes that overlap, the one that read first may end last.
            self.newest = self.newest | {
                year: max(revision, self.newest.get(year, 0)) for year, revision in newest.items()
            }
            self.newest_of_published = self._only_published(self.newest)
            self._wake()

    def _set_catalogue(self, read: Catalogue) -> None:
        """Take a catalogue that was read, and what of it other roles than admins may see."""
        self.catalogue = read
        # The rankings of a draft that was deleted are gone.
        self.newest = {year: revision for year, revision in self.newest.items() if year in read.editions}
        self.newest_of_published = self._only_published(self.newest)
        published = self._only_published(read.editions)
        self.catalogue_of_readers = self.catalogue_of_editors = read
        if len(published) == len(read.editions):
            return
        facts = {city: [fact for fact in found if fact.edition in published] for city, found in read.published.items()}
        cities = {slug: city for slug, city in read.cities.items() if slug not in read.draft_cities}
        self.catalogue_of_editors = replace(read, published=facts, nodes={})
        self.catalogue_of_readers = replace(read, cities=cities, editions=published, published=facts, nodes={})

    def _only_published(self, by_year: Mapping[int, T]) -> dict[int, T]:
        editions = self.catalogue.editions
        return {year: found for year, found in by_year.items() if year in editions and editions[year].is_published}

    def _wake(self) -> None:
        self.generation += 1
        self._changed.set()
        self._changed = asyncio.Event()

    async def changed(self) -> None:
        """Wait until some edition has a newer ranking, or is published."""
        await self._changed.wait()
