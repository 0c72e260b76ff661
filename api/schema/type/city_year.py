"""One city in one edition, computed or printed."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from api.operation.context import Info
from api.schema.type import edition
from api.state.catalogue import EditionEntry

if TYPE_CHECKING:
    from api.schema.type.edition import Edition


@strawberry.type(description="One city's overall result in one edition.")
class CityYear:
    entry: strawberry.Private[EditionEntry]
    rank: int | None = strawberry.field(description="Null when it is not printed.")
    score: float | None = strawberry.field(description="Null when it is not printed.")
    city_count: int = strawberry.field(description="Cities compared in the edition.")
    is_computed: bool = strawberry.field(description="From a ranking; otherwise as the publisher printed it.")
    source: str | None = strawberry.field(description="Where it was printed; null when it is computed.")

    @strawberry.field(description="The edition.")
    def edition(self) -> Annotated["Edition", strawberry.lazy("api.schema.type.edition")]:
        return edition.Edition(entry=self.entry)


async def timeline(info: Info, slug: str) -> list[CityYear]:
    """Every edition that has a ranking with the city, or for which its overall result is printed, oldest first."""
    catalogue, newest = info.context.live.catalogue, info.context.newest
    printed = {fact.edition: fact for fact in catalogue.published.get(slug, []) if fact.category is None}
    years = []
    for year in sorted(catalogue.editions):
        entry = catalogue.editions[year]
        snapshot = await info.context.snapshot(year) if year in newest else None
        row = None if snapshot is None else snapshot.place.get(slug)
        if snapshot is not None and row is not None:
            rank, score = snapshot.overall.rank[row], snapshot.overall.score[row]
            years.append(_year(entry, rank, score, len(snapshot.ranking.cities), None))
        elif (fact := printed.get(year)) is not None:
            years.append(_year(entry, fact.rank, fact.score, entry.city_count, fact.source))
    return years


def _year(entry: EditionEntry, rank: int | None, score: float | None, city_count: int, source: str | None) -> CityYear:
    return CityYear(
        entry=entry, rank=rank, score=score, city_count=city_count, is_computed=source is None, source=source
    )
