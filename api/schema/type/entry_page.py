"""Pages of a ranking's entries: filtered, ordered, and bound to one revision by their cursors."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from enum import StrEnum
from itertools import chain
from typing import Any

import strawberry

from api.error import ClientError
from api.operation.context import Context
from api.schema import connection
from api.schema.connection import Page, PageArguments, PageInfo
from api.schema.node import number
from api.schema.type.entry import RankingEntry, entries_at
from api.state.catalogue import Catalogue, in_range, name_key
from api.state.search import Search
from api.state.snapshot import Snapshot
from db.composite.framework import OVERALL
from db.index.city import City


@strawberry.enum(description="Order of a ranking's entries.")
class RankingOrder(StrEnum):
    RANK_ASC = "rank_asc"
    RANK_DESC = "rank_desc"
    NAME_ASC = "name_asc"
    RANK_CHANGE_DESC = "rank_change_desc"
    RANK_CHANGE_ASC = "rank_change_asc"
    POPULATION_DESC = "population_desc"


@strawberry.input(description="Which entries; every condition given must hold.")
class RankingFilter:
    search: str | None = strawberry.field(default=None, description="As in `CityFilter`; the order stays.")
    states: list[str] | None = strawberry.field(default=None, description="Any of these Bundesländer.")
    cities: list[str] | None = strawberry.field(default=None, description="Any of these slugs.")
    min_population: int | None = strawberry.field(default=None, description="At least so many inhabitants.")
    max_population: int | None = strawberry.field(default=None, description="At most so many inhabitants.")
    min_rank: int | None = strawberry.field(default=None, description="This overall rank or a worse one.")
    max_rank: int | None = strawberry.field(default=None, description="This overall rank or a better one.")
    is_top_ten: bool | None = strawberry.field(default=None, description="In the Top 10, or not.")
    is_first_top_ten: bool | None = strawberry.field(default=None, description="In it for the first time, or not.")
    is_hidden_champion: bool | None = strawberry.field(default=None, description="A Hidden Champion, or not.")
    hidden_champion_in: list[str] | None = strawberry.field(
        default=None, description="A Hidden Champion in any of these categories."
    )

    def rows(self, snapshot: Snapshot, catalogue: Catalogue) -> set[int]:
        """The rows for which every condition given holds."""
        cities = [catalogue.cities[slug] for slug in snapshot.ranking.cities]
        overall, rows = snapshot.overall, set(snapshot.places)
        if self.search is not None:
            search = Search(self.search)
            rows &= {row for row in rows if search.rank(cities[row]) is not None}
        for values, wanted in (
            (overall.is_top_n, self.is_top_ten),
            (overall.is_first_top_n, self.is_first_top_ten),
            (overall.is_hidden_champion, self.is_hidden_champion),
        ):
            rows &= {row for row in rows if wanted in (None, values[row])}
        if self.hidden_champion_in is not None:
            columns = [snapshot.standings[code] for code in self.hidden_champion_in if code in snapshot.standings]
            champions = [column.hidden_champion_places for column in columns if column.has_comparison]
            rows &= set(chain.from_iterable(champions))
        return {row for row in rows if self._accepts(cities[row], overall.rank[row])}

    def _accepts(self, city: City, rank: int | None) -> bool:
        return (
            (self.states is None or city.state in self.states)
            and (self.cities is None or city.slug in self.cities)
            and in_range(city.population, self.min_population, self.max_population)
            and in_range(rank, self.min_rank, self.max_rank)
        )


@strawberry.type(description="One entry of a page.")
class RankingEntryEdge:
    cursor: str = strawberry.field(description="For `after` and `before`; it names the ranking's revision.")
    node: RankingEntry = strawberry.field(description="The entry.")


@strawberry.type(description="A page of a ranking; all pages belong to one revision.")
class RankingEntryConnection:
    snapshot: strawberry.Private[Snapshot]
    page: strawberry.Private[Page[int]]

    @strawberry.field(description="The entries with their cursors.")
    def edges(self) -> list[RankingEntryEdge]:
        pairs = zip(self.page.cursors, self.nodes(), strict=True)
        return [RankingEntryEdge(cursor=cursor, node=node) for cursor, node in pairs]

    @strawberry.field(description="The entries.")
    def nodes(self) -> Sequence[RankingEntry]:
        return entries_at(self.snapshot, self.page.items)

    @strawberry.field(description="Where the page lies.")
    def page_info(self) -> PageInfo:
        return self.page.page_info

    @strawberry.field(description="Entries on all pages.")
    def total_count(self) -> int:
        return self.page.total_count


def connect(
    snapshot: Snapshot,
    context: Context,
    arguments: PageArguments,
    filter_: RankingFilter | None,
    order: RankingOrder,
    category: str | None,
) -> RankingEntryConnection:
    """A page of the entries in *order*; a cursor keeps its place when the filter changes."""
    found = places = _ordered(snapshot, context, order, category)
    if filter_ is not None:
        accepted = filter_.rows(snapshot, context.live.catalogue)
        found = [place for place in places if place in accepted]
    start, end = 0, len(found)
    if arguments.after is not None or arguments.before is not None:
        position = {place: index for index, place in enumerate(places)}.__getitem__
        if arguments.after is not None:
            start = bisect_right(found, position(_place(arguments.after, snapshot)), key=position)
        if arguments.before is not None:
            end = bisect_left(found, position(_place(arguments.before, snapshot)), key=position)

    def cursor(place: int) -> str:
        return connection.encode(*snapshot.key, snapshot.ranking.cities[place])

    return RankingEntryConnection(snapshot=snapshot, page=connection.page(found, cursor, start, end, arguments))


def cursor_key(cursor: str) -> tuple[int, int, str]:
    """Edition, revision and city that a cursor names."""
    *numbers, slug = connection.decode(cursor, 3)
    year, revision = map(number, numbers)
    if year is None or revision is None:
        raise ClientError(f"{cursor!r} is not a cursor of this connection")
    return year, revision, slug


def _place(cursor: str, snapshot: Snapshot) -> int:
    year, revision, slug = cursor_key(cursor)
    if (year, revision) != snapshot.key or slug not in snapshot.place:
        raise ClientError(
            f"the cursor belongs to revision {revision} of edition {year}: ask that ranking for its entries"
        )
    return snapshot.place[slug]


def _ordered(snapshot: Snapshot, context: Context, order: RankingOrder, category: str | None) -> list[int]:
    """Every row; equal ones by their overall rank."""
    rows = list(snapshot.places)
    if order is RankingOrder.RANK_ASC and category is None:
        return rows

    def city(row: int) -> City:
        # Looked up only where the order needs it: an answer that reads the catalogue is kept for a shorter time.
        return context.live.catalogue.cities[snapshot.ranking.cities[row]]

    column = snapshot.standings.get(category or OVERALL)
    if column is None or not column.has_comparison:
        raise ClientError(f"there is no category {category!r} in this ranking")
    ranks, changes = column.rank, column.rank_change
    # What is missing comes last, whatever the direction.
    keys: dict[RankingOrder, Callable[[int], Any]] = {
        RankingOrder.RANK_ASC: lambda row: (ranks[row] is None, ranks[row] or 0),
        RankingOrder.RANK_DESC: lambda row: (ranks[row] is None, -(ranks[row] or 0), -row),
        RankingOrder.NAME_ASC: lambda row: name_key(city(row).name, city(row).slug),
        RankingOrder.RANK_CHANGE_DESC: lambda row: (changes[row] is None, -(changes[row] or 0)),
        RankingOrder.RANK_CHANGE_ASC: lambda row: (changes[row] is None, changes[row] or 0),
        RankingOrder.POPULATION_DESC: lambda row: (city(row).population is None, -(city(row).population or 0)),
    }
    return sorted(rows, key=keys[order])
