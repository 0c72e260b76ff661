"""Peer groups: the ranking again among the cities of a Bundesland or a size class."""

from typing import TYPE_CHECKING, Annotated

import numpy as np
import strawberry

from api.schema.type import entry
from api.schema.type.result import CategoryResult, category_results
from api.state.catalogue import Catalogue, in_range
from api.state.snapshot import Snapshot
from db.composite.framework import OVERALL
from db.composite.rank import competition_rank

if TYPE_CHECKING:
    from api.schema.type.entry import RankingEntry


@strawberry.type(description="A city's rank in one category among its peers.")
class PeerCategoryRank:
    rank: int | None = strawberry.field(description="Among the peers with a score in the category; null without one.")
    result: CategoryResult = strawberry.field(description="Its result among all cities.")


@strawberry.type(description="A city's rank among its peers.")
class PeerEntry:
    group: strawberry.Private["PeerGroup"]
    place: strawberry.Private[int]

    @strawberry.field(description="Among the peers: 1 is best; equal scores share a rank and the next is skipped.")
    def rank(self) -> int:
        rank = self.group.ranks(OVERALL)[self.place]
        assert rank is not None, "only cities with an overall score are ranked"
        return rank

    @strawberry.field(description="Its line among all cities.")
    def entry(self) -> Annotated["RankingEntry", strawberry.lazy("api.schema.type.entry")]:
        return entry.RankingEntry(snapshot=self.group.snapshot, place=self.place)

    @strawberry.field(description="Its rank in each category among the peers, in published order.")
    def categories(self) -> list[PeerCategoryRank]:
        return [
            PeerCategoryRank(rank=self.group.ranks(result.measure.code)[self.place], result=result)
            for result in category_results(self.group.snapshot, self.place)
        ]


@strawberry.type(description="Some cities of a ranking, ranked among themselves by the same scores.")
class PeerGroup:
    snapshot: strawberry.Private[Snapshot]
    places: strawberry.Private[list[int]]
    known: strawberry.Private[dict[str, dict[int, int | None]]]

    def ranks(self, code: str) -> dict[int, int | None]:
        """The rank of each place of the group in the column of *code*."""
        if code not in self.known:
            scores = np.array([self.snapshot.standings[code].score[place] for place in self.places], dtype=np.float64)
            ranks = competition_rank(scores).tolist()
            self.known[code] = {place: rank or None for place, rank in zip(self.places, ranks, strict=True)}
        return self.known[code]

    @strawberry.field(description="Cities in the group.")
    def city_count(self) -> int:
        return len(self.places)

    @strawberry.field(description="Best first; all of them unless `first` says how many.")
    def entries(self, first: int | None = None) -> list[PeerEntry]:
        return [PeerEntry(group=self, place=place) for place in self.places[: entry.at_least_one(first)]]

    @strawberry.field(description="The line of the city with that slug; null when it is not in the group.")
    def entry(self, city: str) -> PeerEntry | None:
        place = self.snapshot.place.get(city)
        return PeerEntry(group=self, place=place) if place in self.places else None


def peers(
    snapshot: Snapshot, catalogue: Catalogue, states: list[str] | None, lowest: int | None, highest: int | None
) -> PeerGroup:
    """The ranked cities in *states* with *lowest* to *highest* inhabitants; None sets no condition."""
    rows = [catalogue.cities[slug] for slug in snapshot.ranking.cities]
    places = [
        place
        for place, row in enumerate(rows)
        if (states is None or row.state in states) and in_range(row.population, lowest, highest)
    ]
    return PeerGroup(snapshot=snapshot, places=places, known={})
