"""How sure ranks are: uncertainty analyses, requested and read."""

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry.utils.await_maybe import await_maybe

from api.context import Info
from api.schema import entry, ranking
from api.schema.error import UserError
from api.schema.node import Node
from api.schema.permission import require_admin
from api.snapshot import Snapshot
from db import telemetry
from db import uncertainty as rows
from db.composite.uncertainty import Perturbation
from db.pool import LARGEST_INTEGER, transaction
from db.proposal import Problem, ProblemCode

if TYPE_CHECKING:
    from api.schema.entry import RankingEntry
    from api.schema.ranking import Ranking

MAX_DRAWS = 10_000
# Scores computed by one analysis: 171 million took 1.9 s.
MAX_SCORES = 2_000_000_000


@strawberry.enum(description="REQUESTED: waits for a worker. RUNNING: see `progress`. FINISHED, FAILED: over.")
class AnalysisStatus(StrEnum):
    REQUESTED = "requested"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"


@strawberry.type(description="How one city's rank spreads over the draws. Quantiles are interpolated.")
class RankUncertainty:
    entry: Annotated["RankingEntry", strawberry.lazy("api.schema.entry")] = strawberry.field(
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
    async def ranking(self, info: Info) -> Annotated["Ranking", strawberry.lazy("api.schema.ranking")]:
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


@strawberry.input(description="What shall be analysed, and how. Equal requests are one.")
class RequestUncertaintyInput:
    edition: int = strawberry.field(description="Year of the edition.")
    revision: int | None = strawberry.field(default=None, description="Of the ranking; the newest unless named.")
    draws: int = strawberry.field(default=1000, description="1 to 10,000.")
    seed: int = strawberry.field(default=1, description="0 or more.")
    weight_noise: float = strawberry.field(default=0.25, description="0 to 1; 0.25 varies each weight by up to 25 %.")
    vary_aggregation: bool = strawberry.field(default=False, description="Vary the mean too.")


@strawberry.type(description="The analysis that was asked for, or the reasons why there is none.")
class RequestUncertaintyPayload:
    analysis: UncertaintyAnalysis | None = strawberry.field(description="Null when the call was refused.")
    errors: list[UserError] = strawberry.field(description="Every reason; empty when accepted.")


async def request_uncertainty(info: Info, input: RequestUncertaintyInput) -> RequestUncertaintyPayload:  # noqa: A002 - the schema's name
    """Ask a worker for an analysis; an equal one that was asked for before is the same."""
    require_admin(info, "requestUncertainty")
    snapshot = await info.context.snapshot(input.edition, input.revision)
    problems = _check(input, snapshot)
    if problems or snapshot is None:
        return RequestUncertaintyPayload(analysis=None, errors=[UserError.of(problem) for problem in problems])
    perturbation = Perturbation(input.draws, input.seed, input.weight_noise, input.vary_aggregation)
    async with transaction(info.context.pool) as writer:
        subject, trace_id = info.context.viewer.subject, telemetry.trace_id()
        id_ = await rows.request(writer, snapshot.key, perturbation, subject, trace_id)
        [row] = await rows.by_id(writer, [id_])
    assert row is not None
    return RequestUncertaintyPayload(analysis=UncertaintyAnalysis(row=row), errors=[])


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


def _check(input_: RequestUncertaintyInput, snapshot: Snapshot | None) -> list[Problem]:
    problems = []
    if snapshot is None:
        path = ("edition",) if input_.revision is None else ("revision",)
        problems.append(Problem(ProblemCode.UNKNOWN_RANKING, "there is no such ranking", path))
    for name, value, least, most in (
        ("draws", input_.draws, 1, MAX_DRAWS),
        ("seed", input_.seed, 0, LARGEST_INTEGER),
        ("weightNoise", input_.weight_noise, 0, 1),
    ):
        if not least <= value <= most:
            problems.append(Problem(ProblemCode.OUT_OF_RANGE, f"{value:g} is outside {least} to {most}", (name,)))
    if snapshot is not None:
        scores = input_.draws * len(snapshot.ranking.columns) * len(snapshot.ranking.cities)
        if scores > MAX_SCORES:
            message = f"{scores} scores would be computed, {MAX_SCORES} at most: ask for fewer draws"
            problems.append(Problem(ProblemCode.TOO_MANY, message, ("draws",)))
    return problems
