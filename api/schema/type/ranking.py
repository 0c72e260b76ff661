"""Rankings: every object here is a view into one immutable snapshot."""

from collections.abc import Awaitable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from graphql import FragmentSpreadNode, InlineFragmentNode, value_from_ast_untyped

from api.error import ClientError
from api.operation.context import Info
from api.planning.view import MAY_WAIT
from api.schema.connection import PageArguments
from api.schema.node import Node
from api.schema.type import edition, entry, entry_page, peer, uncertainty
from api.schema.type.change import RankChange, changes_since
from api.schema.type.entry import RankingEntry, entries_at
from api.schema.type.entry_page import RankingEntryConnection, RankingFilter, RankingOrder
from api.schema.type.framework import Category, Indicator
from api.schema.type.peer import PeerGroup
from api.schema.type.result import CategoryResult, IndicatorResult
from api.state.snapshot import Snapshot
from db.composite.framework import Level, Measure

if TYPE_CHECKING:
    from api.schema.type.edition import Edition
    from api.schema.type.uncertainty import UncertaintyAnalysis


@strawberry.type(description="The ranking of one category. Cities without a score in it are not in it.")
class CategoryRanking:
    snapshot: strawberry.Private[Snapshot]
    measure: strawberry.Private[Measure]

    def ranked(self) -> list[CategoryResult]:
        """Best first, equal ranks by their place in the overall ranking."""
        rows = self.snapshot.standings[self.measure.code].ranked_rows
        return [CategoryResult(snapshot=self.snapshot, measure=self.measure, place=row) for row in rows]

    @strawberry.field(description="The ranking of one of its indicators; null when it has no such indicator.")
    def indicator(self, code: str) -> Annotated["IndicatorRanking", strawberry.lazy("api.schema.type.ranking")] | None:
        framework = self.snapshot.ranking.framework
        measure = framework.measures[framework.position[code]] if code in framework.position else None
        if measure is None or measure.parent != self.measure.code:
            return None
        return IndicatorRanking(snapshot=self.snapshot, measure=measure)

    @strawberry.field(description="The category.")
    def category(self) -> Category:
        ranking = self.snapshot.ranking
        return Category(edition=ranking.edition, framework=ranking.framework, measure=self.measure)

    @strawberry.field(description="Best first; all of them unless `first` says how many.")
    def results(self, first: int | None = None) -> list[CategoryResult]:
        return self.ranked()[: entry.at_least_one(first)]

    @strawberry.field(description="The best N, more when the last rank is shared.")
    def top_ten(self) -> list[CategoryResult]:
        return [result for result in self.ranked() if result.standings.is_top_n[result.place]]

    @strawberry.field(description="Those among the category's best that are not among the overall best.")
    def hidden_champions(self) -> list[CategoryResult]:
        return [result for result in self.ranked() if result.standings.is_hidden_champion[result.place]]


@strawberry.type(description="Cities by one indicator, best first. Cities without a score in it are not in it.")
class IndicatorRanking:
    snapshot: strawberry.Private[Snapshot]
    measure: strawberry.Private[Measure]

    @strawberry.field(description="The indicator.")
    def indicator(self) -> Indicator:
        ranking = self.snapshot.ranking
        return Indicator(edition=ranking.edition, framework=ranking.framework, measure=self.measure)

    @strawberry.field(description="Best first; all of them unless `first` says how many.")
    def results(self, first: int | None = None) -> list[IndicatorResult]:
        rows = self.snapshot.standings[self.measure.code].ranked_rows[: entry.at_least_one(first)]
        return [IndicatorResult(snapshot=self.snapshot, measure=self.measure, place=row) for row in rows]


@strawberry.type(
    description="An immutable snapshot named by (edition, revision). Everything below it belongs to the same snapshot."
)
class Ranking(Node):
    snapshot: strawberry.Private[Snapshot]

    def key(self) -> tuple[str | int, ...]:
        return self.snapshot.key

    @strawberry.field(description="The edition that it ranks.")
    def edition(self, info: Info) -> Annotated["Edition", strawberry.lazy("api.schema.type.edition")]:
        return edition.of_ranking(info.context.live.catalogue, self.snapshot)

    @strawberry.field(description="The edition's revision that it was computed from.")
    def revision(self) -> int:
        return self.snapshot.ranking.revision

    @strawberry.field(description="When it was computed.")
    def computed_at(self) -> datetime:
        return self.snapshot.ranking.computed_at

    @strawberry.field(description="Hash of everything the ranking was computed from.")
    def input_hash(self) -> str:
        return self.snapshot.ranking.input_hash

    @strawberry.field(description="Cities ranked: those with an overall score.")
    def city_count(self) -> int:
        return len(self.snapshot.ranking.cities)

    @strawberry.field(
        description="A page of the ranking. A cursor names its revision: a ranking asked for without a revision "
        "is the one that the cursor belongs to, so that page two follows page one while a recompute lands. With "
        "`orderByCategory`, a category's code, ranks and rank changes to order by are those of the category."
    )
    def entries(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        filter: RankingFilter | None = None,  # noqa: A002 - the contract's name
        order_by: RankingOrder | None = None,
        order_by_category: str | None = None,
    ) -> RankingEntryConnection:
        arguments = PageArguments(first, after, last, before)
        order = order_by or RankingOrder.RANK_ASC
        return entry_page.connect(self.snapshot, info.context, arguments, filter, order, order_by_category)

    @strawberry.field(description="The line of the city with that slug; null when it is not ranked.")
    def entry(self, city: str) -> RankingEntry | None:
        return entry.entry_of(self.snapshot, city)

    @strawberry.field(description="The best N, more when the last rank is shared.")
    def top_ten(self) -> Sequence[RankingEntry]:
        return entries_at(self.snapshot, self.snapshot.overall.top_n_places)

    @strawberry.field(description="Every Hidden Champion, best overall rank first.")
    def hidden_champions(self) -> Sequence[RankingEntry]:
        return entries_at(self.snapshot, self.snapshot.overall.hidden_champion_places)

    @strawberry.field(description="The ranking of one category; null when the edition has no such category.")
    def category(self, code: str) -> CategoryRanking | None:
        framework = self.snapshot.ranking.framework
        measure = framework.measures[framework.position[code]] if code in framework.position else None
        if measure is None or measure.level is not Level.CATEGORY:
            return None
        return CategoryRanking(snapshot=self.snapshot, measure=measure)

    @strawberry.field(
        description="Some of its cities ranked among themselves: those in any of `states`, and those of a size class. "
        "A city of unknown population is in no size class."
    )
    def peers(
        self,
        info: Info,
        states: list[str] | None = None,
        min_population: int | None = None,
        max_population: int | None = None,
    ) -> PeerGroup:
        return peer.peers(self.snapshot, info.context.live.catalogue, states, min_population, max_population)

    @strawberry.field(description="The uncertainty analysis that was finished last; null when there is none.")
    async def uncertainty(
        self, info: Info
    ) -> Annotated["UncertaintyAnalysis", strawberry.lazy("api.schema.type.uncertainty")] | None:
        return await uncertainty.of_ranking(info, self.snapshot)

    @strawberry.field(
        description="What moved since an older revision of the same edition; the ranking before this one unless "
        "named. A revision without a ranking of its own stands for the newest ranking before it. Empty when "
        "there is no older ranking.",
        metadata=MAY_WAIT,
    )
    def changes(self, info: Info, since: int | None = None) -> list[RankChange]:
        _, revision = self.snapshot.key
        if since is not None and not 0 <= since < revision:
            raise ClientError(f"since is {since}: it must be an older revision than {revision}, or 0")
        return changes_since(info, self.snapshot, revision if since is None else since + 1)  # type: ignore[return-value]


def find(info: Info, year: int | None, revision: int | None) -> Ranking | Awaitable[Ranking | None] | None:
    """The ranking of a field that asks for one; the newest unless named or bound by a cursor below.

    At once where it is in memory: what needs not wait is answered in less time.
    """
    if revision is None:
        bound = {key[:2] for key in map(entry_page.cursor_key, _cursors(info))}
        if len(bound) > 1:
            raise ClientError("the cursors of this ranking belong to different rankings")
        for bound_year, bound_revision in bound:
            if year in (None, bound_year):
                year, revision = bound_year, bound_revision
    held = info.context.held(year, revision)
    return Ranking(snapshot=held) if held else _load(info, year, revision)


async def _load(info: Info, year: int | None, revision: int | None) -> Ranking | None:
    snapshot = await info.context.snapshot(year, revision)
    return None if snapshot is None else Ranking(snapshot=snapshot)


def _cursors(info: Info) -> Iterator[str]:
    """The cursors given to `entries` right below the field that is being resolved.

    From the document: Strawberry's `selected_fields` would convert everything below.
    """
    raw = info._raw_info
    variables: dict[str, Any] = info.variable_values
    waiting: list[Any] = [node.selection_set for node in raw.field_nodes]
    while waiting:
        for selection in waiting.pop().selections:
            if isinstance(selection, InlineFragmentNode):
                waiting.append(selection.selection_set)
            elif isinstance(selection, FragmentSpreadNode):
                waiting.append(raw.fragments[selection.name.value].selection_set)
            elif selection.name.value == "entries":
                given = [each for each in selection.arguments or () if each.name.value in ("after", "before")]
                cursors = (value_from_ast_untyped(argument.value, variables) for argument in given)
                yield from (cursor for cursor in cursors if cursor and isinstance(cursor, str))
