"""Pages of a ranking's entries: filtered, ordered, and bound to one revision by their cursors."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from enum import StrEnum
from typing import Any

import strawberry

from api.catalogue import Catalogue, in_range, name_key
from api.schema import connection
from api.schema.connection import PageArguments, PageInfo
from api.schema.entry import RankingEntry, entries_of
from api.schema.error import ClientError
from api.schema.node import number
from api.snapshot import Snapshot


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

    def accepts(self, entry: RankingEntry, catalogue: Catalogue) -> bool:
        """Whether every condition given holds."""
        row, flags = catalogue.cities[entry.slug], entry.standings
        return (
            (self.states is None or row.state in self.states)
            and (self.cities is None or row.slug in self.cities)
            and in_range(row.population, self.min_population, self.max_population)
            and self.is_top_ten in (None, flags.is_top_n[entry.place])
            and self.is_hidden_champion in (None, flags.is_hidden_champion[entry.place])
        )


@strawberry.type(description="One entry of a page.")
class RankingEntryEdge:
    cursor: str = strawberry.field(description="For `after` and `before`; it names the ranking's revision.")
    node: RankingEntry = strawberry.field(description="The entry.")


@strawberry.type(description="A page of a ranking; all pages belong to one revision.")
class RankingEntryConnection:
    edges: list[RankingEntryEdge] = strawberry.field(description="The entries with their cursors.")
    nodes: list[RankingEntry] = strawberry.field(description="The entries.")
    page_info: PageInfo = strawberry.field(description="Where the page lies.")
    total_count: int = strawberry.field(description="Entries on all pages.")


def connect(
    snapshot: Snapshot,
    catalogue: Catalogue,
    arguments: PageArguments,
    filter_: RankingFilter | None,
    order: RankingOrder,
) -> RankingEntryConnection:
    """A page of the entries in *order*; a cursor keeps its place when the filter changes."""
    ordered = sorted(entries_of(snapshot), key=_sort_key(order, catalogue))
    number = {entry.slug: index for index, entry in enumerate(ordered)}
    found = [entry for entry in ordered if filter_ is None or filter_.accepts(entry, catalogue)]
    numbers = [number[entry.slug] for entry in found]
    cursors = [connection.encode(*snapshot.key, entry.slug) for entry in found]
    start, end = 0, len(found)
    if arguments.after is not None:
        start = bisect_right(numbers, number[_city(arguments.after, snapshot)])
    if arguments.before is not None:
        end = bisect_left(numbers, number[_city(arguments.before, snapshot)])
    page = connection.page(found, cursors, start, end, arguments)
    edges = [
        RankingEntryEdge(cursor=cursor, node=entry) for cursor, entry in zip(page.cursors, page.items, strict=True)
    ]
    return RankingEntryConnection(edges=edges, nodes=list(page.items), page_info=page.page_info, total_count=len(found))


def cursor_key(cursor: str) -> tuple[int, int, str]:
    """Edition, revision and city that a cursor names."""
    *numbers, slug = connection.decode(cursor, 3)
    year, revision = map(number, numbers)
    if year is None or revision is None:
        raise ClientError(f"{cursor!r} is not a cursor of this connection")
    return year, revision, slug


def _city(cursor: str, snapshot: Snapshot) -> str:
    year, revision, slug = cursor_key(cursor)
    if (year, revision) != snapshot.key or slug not in snapshot.place:
        raise ClientError(
            f"the cursor belongs to revision {revision} of edition {year}: ask that ranking for its entries"
        )
    return slug


def _sort_key(order: RankingOrder, catalogue: Catalogue) -> Callable[[RankingEntry], Any]:
    """Total for every order: equal ones are told apart by their place in the ranking."""
    if order is RankingOrder.RANK_DESC:
        return lambda entry: -entry.place
    if order is RankingOrder.NAME_ASC:
        return lambda entry: name_key(catalogue.cities[entry.slug].name, entry.slug)
    if order is RankingOrder.RANK_CHANGE_DESC:
        return _by_rank_change
    return lambda entry: entry.place


def _by_rank_change(entry: RankingEntry) -> tuple[bool, int, int]:
    """Best climbers first, cities without a previous rank last."""
    change = entry.standings.rank_change[entry.place]
    return change is None, -(change or 0), entry.place
