"""Cities: who is compared, what was printed about them, and their results."""

from bisect import bisect_left, bisect_right
from operator import itemgetter
from typing import TYPE_CHECKING, Annotated

import strawberry

from api.error import ClientError
from api.operation.context import Info
from api.planning.view import MAY_WAIT
from api.schema import connection
from api.schema.connection import PageArguments, PageInfo
from api.schema.node import Node
from api.schema.type import audit, city_year, entry, result
from api.schema.type.published import PublishedResult
from api.state.catalogue import Catalogue, in_range, name_key
from api.state.search import Search
from db.index import city as rows

if TYPE_CHECKING:
    from api.schema.type.audit import ScoreChangeConnection
    from api.schema.type.city_year import CityYear
    from api.schema.type.entry import RankingEntry
    from api.schema.type.result import CategoryResult


async def _load_result(city: "City", info: Info, edition: int | None, revision: int | None) -> "RankingEntry | None":
    return entry.entry_of(await info.context.snapshot(edition, revision), city.row.slug)


@strawberry.type(description="A German city with more than 100,000 inhabitants by the publisher's figures.")
class City(Node):
    row: strawberry.Private[rows.City]

    @classmethod
    def of(cls, info: Info, slug: str) -> "City":
        """The city with that slug, which must be in the catalogue."""
        return cls.all_of(info.context.live.catalogue)[slug]

    @classmethod
    def all_of(cls, catalogue: Catalogue) -> "dict[str, City]":
        """Every city of a catalogue, by slug."""
        if not catalogue.nodes:
            catalogue.nodes.update({slug: cls(row=row) for slug, row in catalogue.cities.items()})
        return catalogue.nodes

    def key(self) -> tuple[str | int, ...]:
        return (self.row.slug,)

    @strawberry.field(description="Lower-case ASCII name, for addresses; never changes.")
    def slug(self) -> str:
        return self.row.slug

    @strawberry.field(description="Official name.")
    def name(self) -> str:
        return self.row.name

    @strawberry.field(description="Bundesland.")
    def state(self) -> str:
        return self.row.state

    @strawberry.field(description="Inhabitants, for display; an edition may have admitted the city by another count.")
    def population(self) -> int | None:
        return self.row.population

    @strawberry.field(description="What the publisher printed about this city, newest first; facts, not computed here.")
    def published(self, info: Info, edition: int | None = None) -> list[PublishedResult]:
        catalogue = info.context.live.catalogue
        return [
            PublishedResult(published=fact, catalogue=catalogue)
            for fact in catalogue.published.get(self.row.slug, [])
            if edition in (None, fact.edition)
        ]

    @strawberry.field(
        description="This city's line in one ranking; the newest edition and revision unless named. Null when "
        "there is no such ranking or the city is not in it.",
        metadata=MAY_WAIT,
    )
    def result(
        self, info: Info, edition: int | None = None, revision: int | None = None
    ) -> Annotated["RankingEntry", strawberry.lazy("api.schema.type.entry")] | None:
        held = info.context.held(edition, revision)
        # A coroutine only where there is something to wait for: with one, the whole query is executed plainly.
        return entry.entry_of(held, self.row.slug) if held else _load_result(self, info, edition, revision)  # type: ignore[return-value]

    @strawberry.field(description="Its line in the newest ranking of every edition, oldest first.")
    async def history(self, info: Info) -> list[Annotated["RankingEntry", strawberry.lazy("api.schema.type.entry")]]:
        snapshots = [await info.context.snapshot(year) for year in sorted(info.context.newest)]
        entries = [entry.entry_of(snapshot, self.row.slug) for snapshot in snapshots]
        return [found for found in entries if found is not None]

    @strawberry.field(
        description="Every edition that knows the city, oldest first: computed where there is a ranking, printed "
        "otherwise."
    )
    async def timeline(self, info: Info) -> list[Annotated["CityYear", strawberry.lazy("api.schema.type.city_year")]]:
        return await city_year.timeline(info, self.row.slug)

    @strawberry.field(description="Shortcut to result(edition:).categories; empty without a result.")
    async def categories(
        self, info: Info, edition: int | None = None
    ) -> list[Annotated["CategoryResult", strawberry.lazy("api.schema.type.result")]]:
        snapshot = await info.context.snapshot(edition)
        if snapshot is None or self.row.slug not in snapshot.place:
            return []
        return result.category_results(snapshot, snapshot.place[self.row.slug])

    @strawberry.field(
        description="For admins: every change of this city's recorded values, newest first; of one edition and one "
        "measure if named."
    )
    async def audit(
        self,
        info: Info,
        edition: int | None = None,
        measure: str | None = None,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> Annotated["ScoreChangeConnection", strawberry.lazy("api.schema.type.audit")]:
        return await audit.of_city(info, self.row.slug, edition, measure, PageArguments(first, after, last, before))


# After every city that matches.
NO_MATCH = 3


@strawberry.input(description="Which cities; every condition given must hold.")
class CityFilter:
    search: str | None = strawberry.field(
        default=None,
        description="Part of a name, slug or Bundesland, its English or short form; case and accents ignored. Names "
        "that begin with it come first.",
    )
    states: list[str] | None = strawberry.field(default=None, description="Any of these Bundesländer.")
    min_population: int | None = strawberry.field(default=None, description="At least so many inhabitants.")
    max_population: int | None = strawberry.field(default=None, description="At most so many inhabitants.")

    def accepts(self, city: rows.City) -> bool:
        """Whether every condition but the search holds; a city of unknown population passes none on it."""
        return (self.states is None or city.state in self.states) and in_range(
            city.population, self.min_population, self.max_population
        )


@strawberry.type(description="One city of a page.")
class CityEdge:
    cursor: str = strawberry.field(description="For `after` and `before`.")
    node: City = strawberry.field(description="The city.")


@strawberry.type(description="A page of cities, by name.")
class CityConnection:
    edges: list[CityEdge] = strawberry.field(description="The cities with their cursors.")
    nodes: list[City] = strawberry.field(description="The cities.")
    page_info: PageInfo = strawberry.field(description="Where the page lies.")
    total_count: int = strawberry.field(description="Cities on all pages.")


def connect(catalogue: Catalogue, arguments: PageArguments, filter_: CityFilter | None) -> CityConnection:
    """A page of the catalogue's cities; a cursor keeps its place when cities come or go."""
    filter_ = filter_ or CityFilter()
    search = Search(filter_.search or "")

    def key(city: rows.City) -> tuple[int, tuple[str, str]]:
        match = search.rank(city)
        return NO_MATCH if match is None else match, name_key(city.name, city.slug)

    found = [(key(city), city) for city in catalogue.cities.values() if filter_.accepts(city)]
    found = sorted((pair for pair in found if pair[0][0] != NO_MATCH), key=itemgetter(0))
    keys, cities = [each for each, _ in found], [city for _, city in found]
    start = 0 if arguments.after is None else bisect_right(keys, key(_city_of(catalogue, arguments.after)))
    end = len(keys) if arguments.before is None else bisect_left(keys, key(_city_of(catalogue, arguments.before)))
    page = connection.page(cities, lambda city: connection.encode("city", city.slug), start, end, arguments)
    nodes = [City(row=row) for row in page.items]
    edges = [CityEdge(cursor=cursor, node=node) for cursor, node in zip(page.cursors, nodes, strict=True)]
    return CityConnection(edges=edges, nodes=nodes, page_info=page.page_info, total_count=page.total_count)


def _city_of(catalogue: Catalogue, cursor: str) -> rows.City:
    _, slug = connection.decode(cursor, 2)
    if slug not in catalogue.cities:
        raise ClientError(f"{cursor!r} is not a cursor of this connection")
    return catalogue.cities[slug]
