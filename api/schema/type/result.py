"""Results of one city in a category, an indicator or a parameter; each is a view into one snapshot."""

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, TypeVar

import strawberry

from api.operation.context import Context, Info
from api.planning.view import BY_PLACE, UNIFORM, View, column
from api.schema.permission import require_admin
from api.schema.type import city
from api.schema.type.framework import Category, Indicator, MeasureNode, Parameter
from api.schema.type.published import PublishedResult, agrees_with_published, published_of
from api.state.snapshot import Snapshot
from api.state.standings import Standings
from db.composite.framework import Measure
from db.index import score as rows

if TYPE_CHECKING:
    from api.schema.type.city import City
    from api.schema.type.entry import RankingEntry

N = TypeVar("N", bound=MeasureNode)

ValueStatus = strawberry.enum(
    rows.ValueStatus,
    name="ValueStatus",
    description="How far a value is known. RECORDED: submitted here. PUBLISHED: as printed. ROUNDED: printed, "
    "digits below its rounding estimated. ESTIMATED: not printed, chosen to agree with everything that is; it "
    "says nothing about the city. COMPUTED: aggregated from below.",
)


def cities_at(context: Context, view: "MeasureResult | RankingEntry", places: Sequence[int]) -> "list[City]":
    """The city at each place of a view's snapshot."""
    nodes, slugs = city.City.all_of(context.live.catalogue), view.snapshot.ranking.cities
    return [nodes[slugs[place]] for place in places]


@strawberry.type(description="Where a recorded value comes from.")
class Provenance:
    row: strawberry.Private[rows.Provenance]

    @strawberry.field(description="A URL or a citation.")
    def source(self) -> str | None:
        return self.row.source

    @strawberry.field(description="When it was accepted; null in a simulation.")
    def recorded_at(self) -> datetime | None:
        return self.row.recorded_at

    @strawberry.field(description="For admins: the subject who submitted it; null in a simulation.")
    def recorded_by(self, info: Info) -> str | None:
        require_admin(info, "the audit")
        return self.row.recorded_by

    @strawberry.field(description="What was recorded before, on the same scale; null when nothing was.")
    def previous_value(self) -> float | None:
        return self.row.previous_value


@strawberry.type
class MeasureResult(View):
    """What the three levels share: one city's place in the column of one measure."""

    snapshot: strawberry.Private[Snapshot]
    measure: strawberry.Private[Measure]
    place: strawberry.Private[int]

    @cached_property
    def standings(self) -> Standings:
        return self.snapshot.standings[self.measure.code]

    def node(self, kind: type[N]) -> N:
        """The measure itself, as its GraphQL type."""
        ranking = self.snapshot.ranking
        return kind(edition=ranking.edition, framework=ranking.framework, measure=self.measure)

    def below(self) -> list[Measure]:
        framework = self.snapshot.ranking.framework
        children = framework.children[framework.position[self.measure.code]]
        return [framework.measures[child] for child in children]

    status: ValueStatus = column(  # type: ignore[valid-type]
        "status",
        "How far the value is known.",
    )

    @strawberry.field(description="Where the value comes from; null when none is recorded for this measure itself.")
    async def provenance(self, info: Info) -> Provenance | None:
        return None if self.standings.value[self.place] is None else Provenance(row=await self._provenance(info))

    async def _provenance(self, info: Info) -> rows.Provenance:
        city = self.snapshot.ranking.cities[self.place]
        if (city, self.measure.code) in self.snapshot.overrides:
            return rows.Provenance(self.snapshot.overrides[city, self.measure.code], None, None, None)
        key = (*self.snapshot.key, self.measure.code, city)
        return await info.context.loaders.provenance_by_key.load(key)


@strawberry.type(description="One city's value for one parameter.")
class ParameterResult(MeasureResult):
    @strawberry.field(description="What was asked.", metadata=UNIFORM)
    def parameter(self) -> Parameter:
        return self.node(Parameter)

    value: float | None = column(
        "value",
        "As recorded, in the parameter's unit.",
    )

    normalised: float | None = column(
        "score",
        "0-100 among the cities of the edition, higher is better.",
    )

    @strawberry.field(description="Where the value comes from.")
    async def source(self, info: Info) -> str | None:
        return (await self._provenance(info)).source

    @strawberry.field(description="When the value was accepted.")
    async def recorded_at(self, info: Info) -> datetime | None:
        return (await self._provenance(info)).recorded_at


@strawberry.type(description="One city's result in one indicator.")
class IndicatorResult(MeasureResult):
    @strawberry.field(description="The city.", metadata={BY_PLACE: cities_at})
    def city(self, info: Info) -> Annotated["City", strawberry.lazy("api.schema.type.city")]:
        return city.City.of(info, self.snapshot.ranking.cities[self.place])

    @strawberry.field(description="The indicator.", metadata=UNIFORM)
    def indicator(self) -> Indicator:
        return self.node(Indicator)

    value: float | None = column(
        "value",
        "As recorded, on the indicator's own scale (0 to its maximum); null when it is aggregated from parameters.",
    )

    score: float | None = column(
        "score",
        "0-100: value / maximum * 100, or the aggregate of its parameters.",
    )

    rank: int | None = column(
        "rank",
        "1 is best; equal scores share a rank. Null without a score.",
    )

    weight: float | None = column(
        "share",
        "Its share (0-1) of the category's weight among the indicators that have a score; null when "
        "it has none or the category's value was recorded.",
    )

    contribution: float | None = column(
        "contribution",
        "Points that it adds to the category's score: weight * score. Null without a weight, and for "
        "a geometric mean, which does not add.",
    )

    @strawberry.field(description="The parameters below it, in published order.", metadata=UNIFORM)
    def parameters(self) -> list[ParameterResult]:
        return [ParameterResult(snapshot=self.snapshot, measure=measure, place=self.place) for measure in self.below()]


@strawberry.type(description="One city's result in one category.")
class CategoryResult(MeasureResult):
    @strawberry.field(description="The category.", metadata=UNIFORM)
    def category(self) -> Category:
        return self.node(Category)

    @strawberry.field(description="The city.", metadata={BY_PLACE: cities_at})
    def city(self, info: Info) -> Annotated["City", strawberry.lazy("api.schema.type.city")]:
        return city.City.of(info, self.snapshot.ranking.cities[self.place])

    score: float | None = column(
        "score",
        "0-100, full precision. Null when the edition holds no value for it.",
    )

    rank: int | None = column(
        "rank",
        "1 is best; equal scores share a rank. Null without a score.",
    )

    previous_score: float | None = column(
        "previous_score",
        "In the edition before; null when it is not known.",
    )

    previous_rank: int | None = column(
        "previous_rank",
        "In the edition before; null when it is not known.",
    )

    rank_change: int | None = column(
        "rank_change",
        "previousRank - rank: positive when the city climbed.",
    )

    is_top_ten: bool = column(
        "is_top_n",
        "Among the category's best N, N being the methodology's `topN`.",
    )

    is_first_top_ten: bool = column(
        "is_first_top_n",
        "In the category's Top 10 now, not in any earlier edition, computed or printed.",
    )

    is_hidden_champion: bool = column(
        "is_hidden_champion",
        "By the edition's rule: among the category's best, but not overall.",
    )

    points_to_next_rank: float | None = column(
        "points_to_next_rank",
        "Points missing to the next better city; null at rank 1.",
    )

    @strawberry.field(description="The next better city's result, by slug the first of several; null at rank 1.")
    def next_better(self) -> "CategoryResult | None":
        place = self.standings.next_better(self.place)
        return None if place is None else CategoryResult(snapshot=self.snapshot, measure=self.measure, place=place)

    estimated_share: float = column(
        "estimated_share",
        "Share of the score's weight that rests on estimated values, 0-1.",
    )

    @strawberry.field(description="What the publisher printed of it in this edition; null when nothing was.")
    def published(self, info: Info) -> PublishedResult | None:
        return published_of(info, self.snapshot, self.place, self.measure.code)

    @strawberry.field(
        description="Whether score and rank are those that were printed, the score to its one decimal; null when "
        "nothing was printed."
    )
    def agrees_with_published(self, info: Info) -> bool | None:
        return agrees_with_published(info, self.snapshot, self.place, self.measure.code)

    @strawberry.field(description="The indicators below it, in published order.", metadata=UNIFORM)
    def indicators(self) -> list[IndicatorResult]:
        return [IndicatorResult(snapshot=self.snapshot, measure=measure, place=self.place) for measure in self.below()]


def category_results(snapshot: Snapshot, place: int) -> list[CategoryResult]:
    """One city's results in every category, in published order."""
    framework = snapshot.ranking.framework
    return [
        CategoryResult(snapshot=snapshot, measure=framework.measures[category], place=place)
        for category in framework.categories
    ]
