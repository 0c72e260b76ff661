"""Categories, indicators and parameters: what an edition measures."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import strawberry

from api.operation.context import Info
from api.schema.node import Node
from api.schema.type import edition
from db.composite import framework as composite
from db.composite.framework import Framework, Measure

if TYPE_CHECKING:
    from api.schema.type.edition import Edition

Direction = strawberry.enum(
    composite.Direction, name="Direction", description="Whether more of a parameter is better or worse."
)
Normalisation = strawberry.enum(
    composite.Normalisation,
    name="Normalisation",
    description="How a parameter's recorded values are brought to 0-100 across the cities of an edition.",
)
Aggregation = strawberry.enum(
    composite.Aggregation,
    name="Aggregation",
    description="How the scores below a measure become its score: a weighted mean with relative weights.",
)


@strawberry.enum(description="Language of a name.")
class Language(StrEnum):
    DE = "de"
    EN = "en"


@strawberry.type
class MeasureNode(Node):
    """What the three levels share: a measure's place in the framework of one edition."""

    edition: strawberry.Private[int]
    framework: strawberry.Private[Framework]
    measure: strawberry.Private[Measure]

    def key(self) -> tuple[str | int, ...]:
        return self.edition, self.measure.code

    def below(self) -> list[Measure]:
        """The measures of which this one is the parent, in published order."""
        place = self.framework.position[self.measure.code]
        return [self.framework.measures[child] for child in self.framework.children[place]]

    def above(self) -> Measure:
        """The measure that this one is part of."""
        assert self.measure.parent is not None, "a category is part of no measure"
        return self.framework.measures[self.framework.position[self.measure.parent]]

    @strawberry.field(description="Lower-case code, unique in its edition.")
    def code(self) -> str:
        return self.measure.code

    @strawberry.field(description="Published name.")
    def name(self, language: Language | None = Language.DE) -> str:
        return self.measure.name_en if language is Language.EN else self.measure.name_de

    @strawberry.field(description="Relative among the measures of the same parent.")
    def weight(self) -> float:
        return self.measure.weight


@strawberry.type(
    description="One question about a city, recorded in its own unit. Publishers keep most of them to themselves."
)
class Parameter(MeasureNode):
    @strawberry.field(description="Unit of the recorded value.")
    def unit(self) -> str | None:
        return self.measure.unit

    @strawberry.field(description="Whether more is better or worse.")
    def direction(self) -> Direction:  # type: ignore[valid-type]
        return self.measure.direction

    @strawberry.field(description="How its values are brought to 0-100; the edition's unless it has its own.")
    def normalisation(self) -> Normalisation:  # type: ignore[valid-type]
        return self.framework.normalisation_of(self.measure)

    @strawberry.field(description="The indicator that it is part of.")
    def indicator(self) -> "Indicator":
        return Indicator(edition=self.edition, framework=self.framework, measure=self.above())


@strawberry.type(description="A group of parameters, e.g. Payment; part of one category.")
class Indicator(MeasureNode):
    @strawberry.field(description="The category that it is part of.")
    def category(self) -> "Category":
        return Category(edition=self.edition, framework=self.framework, measure=self.above())

    @strawberry.field(description="Top of its own scale; 100 for most.")
    def maximum(self) -> float:
        return self.measure.maximum

    @strawberry.field(description="Its parameters in published order; empty where none are published.")
    def parameters(self) -> list[Parameter]:
        return [Parameter(edition=self.edition, framework=self.framework, measure=measure) for measure in self.below()]


@strawberry.type(
    description="A group of indicators, e.g. administration. Categories, indicators and parameters belong to one "
    "edition: names, weights and membership differ between years."
)
class Category(MeasureNode):
    @strawberry.field(name="edition", description="The edition that it belongs to.")
    def edition_node(self, info: Info) -> Annotated["Edition", strawberry.lazy("api.schema.type.edition")]:
        return edition.with_framework(info.context.live.catalogue, self.edition, self.framework)

    @strawberry.field(description="Its indicators in published order; empty where none are published.")
    def indicators(self) -> list[Indicator]:
        return [Indicator(edition=self.edition, framework=self.framework, measure=measure) for measure in self.below()]


def categories(edition: int, framework: Framework) -> list[Category]:
    """The categories of a framework in their published order."""
    return [
        Category(edition=edition, framework=framework, measure=framework.measures[place])
        for place in framework.categories
    ]
