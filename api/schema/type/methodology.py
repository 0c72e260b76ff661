"""How scores become a ranking, and what of it may be different."""

import strawberry

from api.schema.type.framework import Aggregation, Normalisation
from db.change.methodology_proposal import MethodologyChange, WeightChange
from db.composite import framework as composite


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
    lowest: float = strawberry.field(description="Score that MIN_MAX and RANK give to the worst city; 100 is the best.")

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
            lowest=methodology.lowest,
        )


@strawberry.input(description="A new weight of one measure.")
class WeightInput:
    measure: str = strawberry.field(description="Code of a category, an indicator or a parameter.")
    weight: float = strawberry.field(description="0 or more, relative among the measures of the same parent.")


@strawberry.input(description="What of the Hidden Champion rule shall be different.")
class HiddenChampionRuleInput:
    category_top_n: int | None = strawberry.field(default=None, description="Best ranks of a category that count.")
    overall_rank_worse_than: int | None = strawberry.field(
        default=None, description="Overall ranks up to this one do not count."
    )


@strawberry.input(description="What of a methodology shall be different; what is left out stays as it is.")
class MethodologyInput:
    weights: list[WeightInput] | None = strawberry.field(default=None, description="Measures with a new weight.")
    normalisation: Normalisation | None = strawberry.field(  # type: ignore[valid-type]
        default=None, description="Of parameters that have none of their own."
    )
    aggregation: Aggregation | None = strawberry.field(  # type: ignore[valid-type]
        default=None, description="Of every level."
    )
    top_n: int | None = strawberry.field(default=None, description="1 or more.")
    hidden_champion: HiddenChampionRuleInput | None = strawberry.field(
        default=None, description="The rule, or a part of it."
    )
    min_population: int | None = strawberry.field(default=None, description="Less than every member's population.")
    lowest: float | None = strawberry.field(
        default=None,
        description="Score that MIN_MAX and RANK give to the worst city, 0 to 99; above 0 with GEOMETRIC_MEAN, which "
        "otherwise takes every city to 0 that is worst in one parameter.",
    )

    def change(self) -> MethodologyChange:
        rule = self.hidden_champion or HiddenChampionRuleInput()
        return MethodologyChange(
            [WeightChange(given.measure, given.weight) for given in self.weights or []],
            self.normalisation,
            self.aggregation,
            self.top_n,
            rule.category_top_n,
            rule.overall_rank_worse_than,
            self.min_population,
            self.lowest,
        )
