"""One city's line in a ranking, and pages of such lines."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from api.catalogue import Catalogue, in_range, name_key
from api.context import Info
from api.schema import city, connection, uncertainty
from api.schema.connection import PageArguments, PageInfo
from api.schema.error import ClientError
from api.schema.explanation import Explanation
from api.schema.framework import Category
from api.schema.node import Node, number
from api.schema.result import CategoryResult, category_results, rank_change
from api.snapshot import Snapshot
from db.composite.framework import OVERALL
from db.ranking import Comparison

if TYPE_CHECKING:
    from api.schema.city import City
    from api.schema.uncertainty import RankUncertainty


@strawberry.type(description="One city's line in one ranking.")
class RankingEntry(Node):
    snapshot: strawberry.Private[Snapshot]
    place: strawberry.Private[int]

    @property
    def slug(self) -> str:
        return self.snapshot.ranking.cities[self.place]

    @property
    def comparison(self) -> Comparison:
        return self.snapshot.comparison(OVERALL)

    def key(self) -> tuple[str | int, ...]:
        return ("simulated" if self.snapshot.simulated else "stored", *self.snapshot.key, self.slug)

    @strawberry.field(description="The city.")
    def city(self, info: Info) -> Annotated["City", strawberry.lazy("api.schema.city")]:
        return city.City.of(info, self.slug)

    @strawberry.field(description="0-100, higher is better, full precision.")
    def score(self) -> float:
        points = self.snapshot.overall.score[self.place]
        assert points is not None, "only cities with an overall score are ranked"
        return points

    @strawberry.field(description="1 is best; equal scores share a rank and the next is skipped.")
    def rank(self) -> int:
        rank = self.snapshot.overall.rank[self.place]
        assert rank is not None, "only cities with an overall score are ranked"
        return rank

    @strawberry.field(description="In the edition before; null when the city was not in it or it is not known.")
    def previous_score(self) -> float | None:
        return self.comparison.previous_score[self.place]

    @strawberry.field(description="In the edition before; null when the city was not in it or it is not known.")
    def previous_rank(self) -> int | None:
        return self.comparison.previous_rank[self.place]

    @strawberry.field(description="previousRank - rank: positive when the city climbed.")
    def rank_change(self) -> int | None:
        return rank_change(self.comparison.previous_rank[self.place], self.snapshot.overall.rank[self.place])

    @strawberry.field(description="Among the best N, N being the methodology's `topN`.")
    def is_top_ten(self) -> bool:
        return self.comparison.is_top_n[self.place]

    @strawberry.field(description="In the Top 10 now, not in any earlier edition, computed or printed.")
    def is_first_top_ten(self) -> bool:
        return self.comparison.is_first_top_n[self.place]

    @strawberry.field(description="By the edition's rule, in at least one category.")
    def is_hidden_champion(self) -> bool:
        return self.comparison.is_hidden_champion[self.place]

    @strawberry.field(description="The categories in which it is a Hidden Champion, in published order.")
    def hidden_champion_in(self) -> list[Category]:
        return [
            result.node(Category)
            for result in category_results(self.snapshot, self.place)
            if result.comparison.is_hidden_champion[self.place]
        ]

    @strawberry.field(description="Points missing to the next better city; null at rank 1.")
    def points_to_next_rank(self) -> float | None:
        return self.comparison.points_to_next_rank[self.place]

    @strawberry.field(description="The next better city's line, by slug the first of several; null at rank 1.")
    def next_better(self) -> "RankingEntry | None":
        place = self.snapshot.next_better(OVERALL, self.place)
        return None if place is None else RankingEntry(snapshot=self.snapshot, place=place)

    @strawberry.field(description="Points missing to the last city of the Top 10; 0 within it.")
    def points_to_top_ten(self) -> float:
        points = self.snapshot.overall.score[self.place]
        return 0.0 if points is None else max(0.0, self.snapshot.top_n_score - points)

    @strawberry.field(description="True in the better half of the table: rank <= cityCount / 2.")
    def is_upper_half(self) -> bool:
        rank = self.snapshot.overall.rank[self.place]
        return rank is not None and 2 * rank <= len(self.snapshot.ranking.cities)

    @strawberry.field(description="Share of the score's weight that rests on estimated values, 0-1.")
    def estimated_share(self) -> float:
        return self.snapshot.overall.estimated_share[self.place] or 0.0

    @strawberry.field(description="Where its score comes from, and what would move it. Costs 2,000 in a document.")
    def explanation(self) -> Explanation:
        return Explanation(snapshot=self.snapshot, place=self.place)

    @strawberry.field(
        description="How sure its rank is, by the uncertainty analysis of its ranking that was finished last; null "
        "when there is none."
    )
    async def uncertainty(
        self, info: Info
    ) -> Annotated["RankUncertainty", strawberry.lazy("api.schema.uncertainty")] | None:
        return await uncertainty.of_entry(info, self)

    @strawberry.field(description="Its result in every category, in published order.")
    def categories(self) -> list[CategoryResult]:
        return category_results(self.snapshot, self.place)

    @strawberry.field(description="Its result in one category; null when the edition has no such category.")
    def category(self, code: str) -> CategoryResult | None:
        results = category_results(self.snapshot, self.place)
        return next((result for result in results if result.measure.code == code), None)


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
        row, flags = catalogue.cities[entry.slug], entry.comparison
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


def at_least_one(first: int | None) -> int | None:
    """*first*, checked; raises `ClientError` below 1."""
    if first is not None and first < 1:
        raise ClientError(f"first is {first}: it must be at least 1")
    return first


def entry_of(snapshot: Snapshot | None, slug: str) -> RankingEntry | None:
    """A city's line in a ranking; None when either is missing."""
    if snapshot is None or slug not in snapshot.place:
        return None
    return RankingEntry(snapshot=snapshot, place=snapshot.place[slug])


def entries_of(snapshot: Snapshot) -> list[RankingEntry]:
    """Every line, best first, equal ranks by slug."""
    return [RankingEntry(snapshot=snapshot, place=place) for place in range(len(snapshot.ranking.cities))]


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
    change = rank_change(entry.comparison.previous_rank[entry.place], entry.snapshot.overall.rank[entry.place])
    return change is None, -(change or 0), entry.place
