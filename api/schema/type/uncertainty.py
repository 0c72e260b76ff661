"""How sure ranks are: uncertainty analyses, requested and read."""

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry.utils.await_maybe import await_maybe

from api.operation.context import Info
from api.schema.node import Node
from api.schema.type import entry, ranking
from api.state.snapshot import Snapshot
from db.ranking import uncertainty as rows

if TYPE_CHECKING:
    from api.schema.type.entry import RankingEntry
    from api.schema.type.ranking import Ranking


@strawberry.enum(description="REQUESTED: waits for a worker. RUNNING: see `progress`. FINISHED, FAILED: over.")
class AnalysisStatus(StrEnum):
    REQUESTED = "requested"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"


@strawberry.type(description="How one city's rank spreads over the draws. Quantiles are interpolated.")
class RankUncertainty:
    entry: Annotated["RankingEntry", strawberry.lazy("api.schema.type.entry")] = strawberry.field(
        description="Its line in the ranking."
    )
    nominal_rank: int = strawberry.field(description="Its rank in the ranking itself.")
    median_rank: float = strawberry.field(description="Half of the draws rank it better or equal.")
    low_rank: float = strawberry.field(description="5th percentile: 5 in 100 draws rank it better or equal.")
    high_rank: float = strawberry.field(description="95th percentile.")
    top_ten_share: float = strawberry.field(description="Share (0-1) of draws that have it in the Top 10.")


@strawberry.type(
    description="The ranking drawn many times with every weight at every level multiplied by 1 + noise, noise uniform "
    "in [-weightNoise, weightNoise], and, if asked for, the mean of each draw arithmetic or geometric by chance."
)
class UncertaintyAnalysis(Node):
    row: strawberry.Private[rows.Analysis]

    def key(self) -> tuple[str | int, ...]:
        return (self.row.id,)

    @strawberry.field(description="The ranking that it is about.")
    async def ranking(self, info: Info) -> Annotated["Ranking", strawberry.lazy("api.schema.type.ranking")]:
        found = await await_maybe(ranking.find(info, self.row.edition, self.row.revision))
        assert found is not None, "an analysis goes with its ranking"
        return found

    @strawberry.field(description="Whether there is a result yet.")
    def status(self) -> AnalysisStatus:
        if self.row.error is not None:
            return AnalysisStatus.FAILED
        if self.row.finished_at is not None:
            return AnalysisStatus.FINISHED
        return AnalysisStatus.RUNNING if self.row.progress else AnalysisStatus.REQUESTED

    @strawberry.field(description="Share (0-1) of the draws that are done.")
    def progress(self) -> float:
        return self.row.progress

    @strawberry.field(description="How often the ranking is drawn.")
    def draws(self) -> int:
        return self.row.draws

    @strawberry.field(description="Of the random numbers: equal seeds give equal results.")
    def seed(self) -> int:
        return self.row.seed

    @strawberry.field(description="0-1.")
    def weight_noise(self) -> float:
        return self.row.weight_noise

    @strawberry.field(description="Whether the mean varies too.")
    def vary_aggregation(self) -> bool:
        return self.row.vary_aggregation

    @strawberry.field(description="When it was asked for.")
    def requested_at(self) -> datetime:
        return self.row.requested_at

    @strawberry.field(description="When its result was stored; null until then.")
    def finished_at(self) -> datetime | None:
        return self.row.finished_at

    @strawberry.field(description="Why it has no result.")
    def error(self) -> str | None:
        return self.row.error

    @strawberry.field(
        description="Every ranked city, best nominal rank first, or the first so many; empty until it is finished."
    )
    async def ranks(self, info: Info, first: int | None = None) -> list[RankUncertainty]:
        count = entry.at_least_one(first)
        snapshot = await info.context.snapshot(self.row.edition, self.row.revision)
        if snapshot is None or self.row.finished_at is None:
            return []
        return [_rank(snapshot, self.row, place) for place in range(len(snapshot.ranking.cities))[:count]]


async def of_ranking(info: Info, snapshot: Snapshot) -> UncertaintyAnalysis | None:
    """The analysis of a ranking that was finished last."""
    row = None if snapshot.simulated else await info.context.loaders.newest_analysis.load(snapshot.key)
    return None if row is None else UncertaintyAnalysis(row=row)


async def of_entry(info: Info, line: "RankingEntry") -> RankUncertainty | None:
    """What the analysis of a ranking that was finished last says of one city."""
    found = await of_ranking(info, line.snapshot)
    return None if found is None else _rank(line.snapshot, found.row, line.place)


def _rank(snapshot: Snapshot, row: rows.Analysis, place: int) -> RankUncertainty:
    rank = snapshot.overall.rank[place]
    assert rank is not None, "only cities with an overall score are ranked"
    assert row.median is not None, "the analysis is finished"
    assert row.low is not None
    assert row.high is not None
    assert row.top_n_share is not None
    return RankUncertainty(
        entry=entry.RankingEntry(snapshot=snapshot, place=place),
        nominal_rank=rank,
        median_rank=row.median[place],
        low_rank=row.low[place],
        high_rank=row.high[place],
        top_ten_share=row.top_n_share[place],
    )
