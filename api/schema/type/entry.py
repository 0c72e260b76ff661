"""One city's line in a ranking, and pages of such lines."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import strawberry

from api.error import ClientError
from api.operation.context import Info
from api.planning.view import BY_PLACE, UNIFORM, View, ViewList, column
from api.schema.node import Node
from api.schema.type import city, uncertainty
from api.schema.type.explanation import Explanation
from api.schema.type.framework import Category
from api.schema.type.published import PublishedResult, agrees_with_published, published_of
from api.schema.type.result import CategoryResult, category_results, cities_at
from api.state.snapshot import Snapshot
from api.state.standings import Standings
from db.composite.framework import OVERALL

if TYPE_CHECKING:
    from api.schema.type.city import City
    from api.schema.type.uncertainty import RankUncertainty


@strawberry.type(description="One city's line in one ranking.")
class RankingEntry(Node, View):
    snapshot: strawberry.Private[Snapshot]
    place: strawberry.Private[int]

    @property
    def slug(self) -> str:
        return self.snapshot.ranking.cities[self.place]

    @property
    def standings(self) -> Standings:
        return self.snapshot.overall

    def key(self) -> tuple[str | int, ...]:
        return ("simulated" if self.snapshot.simulated else "stored", *self.snapshot.key, self.slug)

    @strawberry.field(description="The city.", metadata={BY_PLACE: cities_at})
    def city(self, info: Info) -> Annotated["City", strawberry.lazy("api.schema.type.city")]:
        return city.City.of(info, self.slug)

    score: float = column(
        "score",
        "0-100, higher is better, full precision.",
    )

    rank: int = column(
        "rank",
        "1 is best; equal scores share a rank and the next is skipped.",
    )

    previous_score: float | None = column(
        "previous_score",
        "In the edition before; null when the city was not in it or it is not known.",
    )

    previous_rank: int | None = column(
        "previous_rank",
        "In the edition before; null when the city was not in it or it is not known.",
    )

    rank_change: int | None = column(
        "rank_change",
        "previousRank - rank: positive when the city climbed.",
    )

    is_top_ten: bool = column(
        "is_top_n",
        "Among the best N, N being the methodology's `topN`.",
    )

    is_first_top_ten: bool = column(
        "is_first_top_n",
        "In the Top 10 now, not in any earlier edition, computed or printed.",
    )

    is_hidden_champion: bool = column(
        "is_hidden_champion",
        "By the edition's rule, in at least one category.",
    )

    @strawberry.field(description="The categories in which it is a Hidden Champion, in published order.")
    def hidden_champion_in(self) -> list[Category]:
        return [
            result.node(Category)
            for result in category_results(self.snapshot, self.place)
            if result.standings.is_hidden_champion[self.place]
        ]

    points_to_next_rank: float | None = column(
        "points_to_next_rank",
        "Points missing to the next better city; null at rank 1.",
    )

    @strawberry.field(description="The next better city's line, by slug the first of several; null at rank 1.")
    def next_better(self) -> "RankingEntry | None":
        place = self.standings.next_better(self.place)
        return None if place is None else RankingEntry(snapshot=self.snapshot, place=place)

    points_to_top_ten: float = column(
        "points_to_top_n",
        "Points missing to the last city of the Top 10; 0 within it.",
    )

    is_upper_half: bool = column(
        "is_upper_half",
        "True in the better half of the table: rank <= cityCount / 2.",
    )

    estimated_share: float = column(
        "estimated_share",
        "Share of the score's weight that rests on estimated values, 0-1.",
    )

    @strawberry.field(description="What the publisher printed of it in this edition; null when nothing was.")
    def published(self, info: Info) -> PublishedResult | None:
        return published_of(info, self.snapshot, self.place, OVERALL)

    @strawberry.field(
        description="Whether score and rank are those that were printed, the score to its one decimal; null when "
        "nothing was printed."
    )
    def agrees_with_published(self, info: Info) -> bool | None:
        return agrees_with_published(info, self.snapshot, self.place, OVERALL)

    @strawberry.field(description="Where its score comes from, and what would move it. Costs 2,000 in a document.")
    def explanation(self) -> Explanation:
        return Explanation(snapshot=self.snapshot, place=self.place)

    @strawberry.field(
        description="How sure its rank is, by the uncertainty analysis of its ranking that was finished last; null "
        "when there is none."
    )
    async def uncertainty(
        self, info: Info
    ) -> Annotated["RankUncertainty", strawberry.lazy("api.schema.type.uncertainty")] | None:
        return await uncertainty.of_entry(info, self)

    @strawberry.field(description="Its result in every category, in published order.", metadata=UNIFORM)
    def categories(self) -> list[CategoryResult]:
        return category_results(self.snapshot, self.place)

    @strawberry.field(
        description="Its result in one category; null when the edition has no such category.", metadata=UNIFORM
    )
    def category(self, code: str) -> CategoryResult | None:
        results = category_results(self.snapshot, self.place)
        return next((result for result in results if result.measure.code == code), None)


def at_least_one(first: int | None) -> int | None:
    """*first*, checked; raises `ClientError` below 1."""
    if first is not None and first < 1:
        raise ClientError(f"first is {first}: it must be at least 1")
    return first


def entry_of(snapshot: Snapshot | None, slug: str) -> RankingEntry | None:
    """A city's line in a ranking; None when either is missing."""
    if snapshot is None or slug not in snapshot.place:
        return None
    return RankingEntry(snapshot=snapshot, place=snapshot.place[slug])


def entries_at(snapshot: Snapshot, places: Sequence[int]) -> Sequence[RankingEntry]:
    """The lines at some places, in that order."""
    return ViewList(RankingEntry(snapshot=snapshot, place=0), places)
