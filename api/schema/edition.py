"""Editions: one year of the index, its methodology and its rankings."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from api.catalogue import EditionEntry
from api.context import Info
from api.schema import ranking
from api.schema.framework import Aggregation, Category, Normalisation, categories
from api.schema.node import Node
from db.composite import framework as composite

if TYPE_CHECKING:
    from api.schema.ranking import Ranking


@strawberry.type(
    description="A city is a Hidden Champion in a category when it is among the category's best `categoryTopN` and "
    "its overall rank is worse than `overallRankWorseThan`."
)
class HiddenChampionRule:
    category_top_n: int = strawberry.field(description="Best ranks of a category that count.")
    overall_rank_worse_than: int = strawberry.field(description="Overall ranks up to this one do not count.")


@strawberry.type(description="How scores become a ranking; stored with the edition, so any ranking can be rebuilt.")
class Methodology:
    normalisation: Normalisation = strawberry.field(  # type: ignore[valid-type]
        description="Of parameters that have none of their own."
    )
    aggregation: Aggregation = strawberry.field(description="Of every level.")  # type: ignore[valid-type]
    top_n: int = strawberry.field(description="Size of the Top N, overall and in each category.")
    hidden_champion: HiddenChampionRule = strawberry.field(description="Who is a Hidden Champion.")
    min_population: int = strawberry.field(description="A member has more inhabitants than this.")

    @classmethod
    def of(cls, methodology: composite.Methodology) -> "Methodology":
        return cls(
            normalisation=methodology.normalisation,
            aggregation=methodology.aggregation,
            top_n=methodology.top_n,
            hidden_champion=HiddenChampionRule(
                category_top_n=methodology.hidden_champion_category_top_n,
                overall_rank_worse_than=methodology.hidden_champion_overall_rank_worse_than,
            ),
            min_population=methodology.min_population,
        )


@strawberry.type(description="One year of the index.")
class Edition(Node):
    entry: strawberry.Private[EditionEntry]

    def key(self) -> tuple[str | int, ...]:
        return (self.entry.year,)

    @strawberry.field(description="Year of publication.")
    def year(self) -> int:
        return self.entry.year

    @strawberry.field(
        description="Counts accepted submissions, to this edition and to those that it is compared with; a "
        "ranking carries the number it was computed from."
    )
    async def revision(self, info: Info) -> int:
        return await info.context.loaders.revision_by_edition.load(self.entry.year)

    @strawberry.field(
        description="One ranking of this edition; the newest unless named. Null when there is none: an edition "
        "without scores shows what was published only."
    )
    async def ranking(
        self, info: Info, revision: int | None = None
    ) -> Annotated["Ranking", strawberry.lazy("api.schema.ranking")] | None:
        return await ranking.find(info, self.entry.year, revision)

    @strawberry.field(description="How its scores become a ranking.")
    def methodology(self) -> Methodology:
        return Methodology.of(self.entry.framework.methodology)

    @strawberry.field(description="Cities compared in this edition.")
    def city_count(self) -> int:
        return self.entry.city_count

    @strawberry.field(description="Its categories in published order.")
    def categories(self) -> list[Category]:
        return categories(self.entry.year, self.entry.framework)
