"""One city's line in a ranking, and pages of such lines."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from api.context import Info
from api.schema import city, uncertainty
from api.schema.error import ClientError
from api.schema.explanation import Explanation
from api.schema.framework import Category
from api.schema.node import Node
from api.schema.result import CategoryResult, category_results, rank_change
from api.snapshot import Snapshot
from db.composite.framework import OVERALL
from db.ranking import Comparison

if TYPE_CHECKING:
    from api.schema.city import City
    from api.schema.uncertainty import RankUncertainty


@strawberry.type(description="One city's line in one ranking.")
class RankingEntry(Node):
    snapshot: strawberry.Private[Snapshot]
    place: strawberry.Private[int]

    @property
    def slug(self) -> str:
        return self.snapshot.ranking.cities[self.place]

    @property
    def comparison(self) -> Comparison:
        return self.snapshot.comparison(OVERALL)

    def key(self) -> tuple[str | int, ...]:
        return ("simulated" if self.snapshot.simulated else "stored", *self.snapshot.key, self.slug)

    @strawberry.field(description="The city.")
    def city(self, info: Info) -> Annotated["City", strawberry.lazy("api.schema.city")]:
        return city.City.of(info, self.slug)

    @strawberry.field(description="0-100, higher is better, full precision.")
    def score(self) -> float:
        points = self.snapshot.overall.score[self.place]
        assert points is not None, "only cities with an overall score are ranked"
        return points

    @strawberry.field(description="1 is best; equal scores share a rank and the next is skipped.")
    def rank(self) -> int:
        rank = self.snapshot.overall.rank[self.place]
        assert rank is not None, "only cities with an overall score are ranked"
        return rank

    @strawberry.field(description="In the edition before; null when the city was not in it or it is not known.")
    def previous_score(self) -> float | None:
        return self.comparison.previous_score[self.place]

    @strawberry.field(description="In the edition before; null when the city was not in it or it is not known.")
    def previous_rank(self) -> int | None:
        return self.comparison.previous_rank[self.place]

    @strawberry.field(description="previousRank - rank: positive when the city climbed.")
    def rank_change(self) -> int | None:
        return rank_change(self.comparison.previous_rank[self.place], self.snapshot.overall.rank[self.place])

    @strawberry.field(description="Among the best N, N being the methodology's `topN`.")
    def is_top_ten(self) -> bool:
        return self.comparison.is_top_n[self.place]

    @strawberry.field(description="In the Top 10 now, not in any earlier edition, computed or printed.")
    def is_first_top_ten(self) -> bool:
        return self.comparison.is_first_top_n[self.place]

    @strawberry.field(description="By the edition's rule, in at least one category.")
    def is_hidden_champion(self) -> bool:
        return self.comparison.is_hidden_champion[self.place]

    @strawberry.field(description="The categories in which it is a Hidden Champion, in published order.")
    def hidden_champion_in(self) -> list[Category]:
        return [
            result.node(Category)
            for result in category_results(self.snapshot, self.place)
            if result.comparison.is_hidden_champion[self.place]
        ]

    @strawberry.field(description="Points missing to the next better city; null at rank 1.")
    def points_to_next_rank(self) -> float | None:
        return self.comparison.points_to_next_rank[self.place]

    @strawberry.field(description="The next better city's line, by slug the first of several; null at rank 1.")
    def next_better(self) -> "RankingEntry | None":
        place = self.snapshot.next_better(OVERALL, self.place)
        return None if place is None else RankingEntry(snapshot=self.snapshot, place=place)

    @strawberry.field(description="Points missing to the last city of the Top 10; 0 within it.")
    def points_to_top_ten(self) -> float:
        points = self.snapshot.overall.score[self.place]
        return 0.0 if points is None else max(0.0, self.snapshot.top_n_score - points)

    @strawberry.field(description="True in the better half of the table: rank <= cityCount / 2.")
    def is_upper_half(self) -> bool:
        rank = self.snapshot.overall.rank[self.place]
        return rank is not None and 2 * rank <= len(self.snapshot.ranking.cities)

    @strawberry.field(description="Share of the score's weight that rests on estimated values, 0-1.")
    def estimated_share(self) -> float:
        return self.snapshot.overall.estimated_share[self.place] or 0.0

    @strawberry.field(description="Where its score comes from, and what would move it. Costs 2,000 in a document.")
    def explanation(self) -> Explanation:
        return Explanation(snapshot=self.snapshot, place=self.place)

    @strawberry.field(
        description="How sure its rank is, by the uncertainty analysis of its ranking that was finished last; null "
        "when there is none."
    )
    async def uncertainty(
        self, info: Info
    ) -> Annotated["RankUncertainty", strawberry.lazy("api.schema.uncertainty")] | None:
        return await uncertainty.of_entry(info, self)

    @strawberry.field(description="Its result in every category, in published order.")
    def categories(self) -> list[CategoryResult]:
        return category_results(self.snapshot, self.place)

    @strawberry.field(description="Its result in one category; null when the edition has no such category.")
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


def entries_of(snapshot: Snapshot) -> list[RankingEntry]:
    """Every line, best first, equal ranks by slug."""
    return [RankingEntry(snapshot=snapshot, place=place) for place in range(len(snapshot.ranking.cities))]
