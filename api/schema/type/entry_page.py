"""Pages of a ranking's entries: filtered, ordered, and bound to one revision by their cursors."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from enum import StrEnum

import strawberry

from api.error import ClientError
from api.operation.context import Context
from api.schema import connection
from api.schema.connection import Page, PageArguments, PageInfo
from api.schema.node import number
from api.schema.type.entry import RankingEntry, entries_at
from api.state.catalogue import Catalogue, in_range, name_key
from api.state.snapshot import Snapshot


@strawberry.enum(description="Order of a ranking's entries.")
class RankingOrder(StrEnum):
    RANK_ASC = "rank_asc"
    RANK_DESC = "rank_desc"
    NAME_ASC = "name_asc"
    RANK_CHANGE_DESC = "rank_change_desc"


@strawberry.input(description="Which entries; every condition given must hold.")
class RankingFilter:
    states: list[str] | None = strawberry.field(default=None, description="Any of these Bundesländer.")
    cities: list[str] | None = strawberry.field(default=None, description="Any of these slugs.")
    min_population: int | None = strawberry.field(default=None, description="At least so many inhabitants.")
    max_population: int | None = strawberry.field(default=None, description="At most so many inhabitants.")
    is_top_ten: bool | None = strawberry.field(default=None, description="In the Top 10, or not.")
    is_hidden_champion: bool | None = strawberry.field(default=None, description="A Hidden Champion, or not.")

    def accepts(self, snapshot: Snapshot, place: int, catalogue: Catalogue) -> bool:
        """Whether every condition given holds."""
        row, standings = catalogue.cities[snapshot.ranking.cities[place]], snapshot.overall
        return (
            (self.states is None or row.state in self.states)
            and (self.cities is None or row.slug in self.cities)
            and in_range(row.population, self.min_population, self.max_population)
            and self.is_top_ten in (None, standings.is_top_n[place])
            and self.is_hidden_champion in (None, standings.is_hidden_champion[place])
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
) -> RankingEntryConnection:
    """A page of the entries in *order*; a cursor keeps its place when the filter changes."""
    found = places = _ordered(snapshot, context, order)
    if filter_ is not None:
        found = [place for place in places if filter_.accepts(snapshot, place, context.live.catalogue)]
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


def _ordered(snapshot: Snapshot, context: Context, order: RankingOrder) -> list[int]:
    """Every place; equal ones by their place in the ranking."""
    places = list(snapshot.places)
    if order is RankingOrder.RANK_DESC:
        places.reverse()
    elif order is RankingOrder.NAME_ASC:
        cities = context.live.catalogue.cities
        names = [name_key(cities[slug].name, slug) for slug in snapshot.ranking.cities]
        places.sort(key=names.__getitem__)
    elif order is RankingOrder.RANK_CHANGE_DESC:
        # Best climbers first, cities without a previous rank last.
        climbed = [(change is None, -(change or 0)) for change in snapshot.overall.rank_change]
        places.sort(key=climbed.__getitem__)
    return places
