"""What the publisher printed about a city, beside what is computed here."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from api.operation.context import Info
from api.schema.type import edition
from api.schema.type.framework import Category
from api.state.catalogue import Catalogue
from api.state.snapshot import Snapshot
from db.composite.framework import OVERALL
from db.index.published import Published, agrees

if TYPE_CHECKING:
    from api.schema.type.edition import Edition


@strawberry.type(
    description="One line that the publisher printed about a city: a fact, not computed here. A figure that was "
    "not printed is null."
)
class PublishedResult:
    published: strawberry.Private[Published]
    catalogue: strawberry.Private[Catalogue]

    @strawberry.field(description="The edition in which it was printed.")
    def edition(self) -> Annotated["Edition", strawberry.lazy("api.schema.type.edition")]:
        return edition.Edition(entry=self.catalogue.editions[self.published.edition])

    @strawberry.field(description="Null: overall.")
    def category(self) -> Category | None:
        if self.published.category is None:
            return None
        framework = self.catalogue.editions[self.published.edition].framework
        measure = framework.measures[framework.position[self.published.category]]
        return Category(edition=self.published.edition, framework=framework, measure=measure)

    @strawberry.field(description="As printed, usually with one decimal.")
    def score(self) -> float | None:
        return self.published.score

    @strawberry.field(description="As printed.")
    def rank(self) -> int | None:
        return self.published.rank

    @strawberry.field(description="Places climbed since the edition before, as printed.")
    def rank_change(self) -> int | None:
        return self.published.tendency

    @strawberry.field(description="Where it was printed.")
    def source(self) -> str:
        return self.published.source


def published_of(info: Info, snapshot: Snapshot, row: int, code: str) -> PublishedResult | None:
    """What was printed of one row of a ranking, overall or in a category; None when nothing was."""
    catalogue = info.context.live.catalogue
    fact = _fact(catalogue, snapshot, row, code)
    return None if fact is None else PublishedResult(published=fact, catalogue=catalogue)


def agrees_with_published(info: Info, snapshot: Snapshot, row: int, code: str) -> bool | None:
    """Whether the computed score and rank are those that were printed; None when nothing was."""
    fact, column = _fact(info.context.live.catalogue, snapshot, row, code), snapshot.standings[code]
    return None if fact is None else agrees(fact, column.score[row], column.rank[row])


def _fact(catalogue: Catalogue, snapshot: Snapshot, row: int, code: str) -> Published | None:
    facts = catalogue.published.get(snapshot.ranking.cities[row], ())
    year, category = snapshot.ranking.edition, None if code == OVERALL else code
    return next((fact for fact in facts if (fact.edition, fact.category) == (year, category)), None)
