"""Rankings held in memory: each (edition, revision) is loaded once and never changes."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from operator import attrgetter

from api.state.standings import Standings
from db.composite.framework import OVERALL
from db.postgres.pool import Reader
from db.ranking import ranking
from db.ranking.ranking import Ranking, RankingKey


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A ranking with its ways in: the place of each city, and the standings in each measure by code.

    `simulated` is True for a ranking that is not stored; `overrides` then holds the source given for each
    (measure, city) that differs from what is recorded.
    """

    ranking: Ranking
    simulated: bool = False
    overrides: dict[tuple[str, str], str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "place", {city: place for place, city in enumerate(self.ranking.cities)})
        standings = {column.code: Standings(self.ranking, column) for column in self.ranking.columns}
        object.__setattr__(self, "standings", standings)

    place: dict[str, int] = field(init=False, repr=False)
    standings: dict[str, Standings] = field(init=False, repr=False)

    @property
    def key(self) -> RankingKey:
        return self.ranking.edition, self.ranking.revision

    def release(self) -> None:
        """Let go of what plans keep: it refers to the snapshot, which would stay until Python looks for garbage."""
        for standings in self.standings.values():
            standings.derived.clear()

    @property
    def places(self) -> range:
        """Every place, best first."""
        return range(len(self.ranking.cities))

    @property
    def overall(self) -> Standings:
        return self.standings[OVERALL]


class Snapshots:
    """The *size* snapshots used last; concurrent requests for one share its load."""

    def __init__(self, reader: Reader, size: int) -> None:
        self._reader = reader
        self._size = size
        self._held: OrderedDict[RankingKey, Snapshot] = OrderedDict()
        self._loading: dict[RankingKey, asyncio.Task[Snapshot | None]] = {}

    def held(self, key: RankingKey) -> Snapshot | None:
        """The snapshot of (edition, revision) if it is in memory."""
        held = self._held.get(key)
        if held is not None:
            self._held.move_to_end(key)
        return held

    async def get(self, key: RankingKey) -> Snapshot | None:
        """The snapshot of (edition, revision), None when none is stored."""
        if held := self.held(key):
            return held
        if key not in self._loading:
            self._loading[key] = asyncio.create_task(self._load(key))
        # Shielded: a client that goes away must not cancel the load for the others.
        return await asyncio.shield(self._loading[key])

    async def _load(self, key: RankingKey) -> Snapshot | None:
        try:
            [loaded] = await ranking.by_key(self._reader, [key], self._newest_of(key[0]))
        finally:
            del self._loading[key]
        if loaded is None:
            return None
        self._held[key] = Snapshot(loaded)
        while len(self._held) > self._size:
            _, dropped = self._held.popitem(last=False)
            dropped.release()
        return self._held[key]

    def _newest_of(self, edition: int) -> Ranking | None:
        held = [snapshot.ranking for key, snapshot in self._held.items() if key[0] == edition]
        return max(held, key=attrgetter("revision"), default=None)
