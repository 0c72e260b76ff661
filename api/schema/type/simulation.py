"""What a ranking would be with other scores or another methodology; nothing is written."""

from collections.abc import Sequence
from dataclasses import replace

import strawberry

from api.error import UserError
from api.operation.context import Info
from api.schema.type.change import RankChange, rank_changes
from api.schema.type.entry import RankingEntry, at_least_one, entries_at
from api.schema.type.methodology import MethodologyInput
from api.schema.type.score_input import ScoreInput
from api.state.snapshot import Snapshot
from db.change.methodology_proposal import MethodologyChange
from db.change.proposal import Problem, ProblemCode
from db.change.score_proposal import ScoreProposal
from db.index.score import ValueStatus
from db.postgres.pool import transaction
from db.ranking import compute, inputs


@strawberry.input(description="What to assume: scores, a methodology, or both.")
class SimulateRankingInput:
    edition: int = strawberry.field(description="Year of the edition.")
    scores: list[ScoreInput] = strawberry.field(
        default_factory=list, description="Up to 10,000; a null value removes the recorded one."
    )
    methodology: MethodologyInput | None = strawberry.field(
        default=None, description="Weights, means, Top N or Hidden Champion rule to assume."
    )

    def proposal(self) -> ScoreProposal:
        return ScoreProposal(self.edition, [score.change() for score in self.scores])

    def change(self) -> MethodologyChange:
        return MethodologyChange() if self.methodology is None else self.methodology.change()


@strawberry.type(description="The ranking as if; its entries are not stored and their ids do not resolve.")
class SimulatedRanking:
    snapshot: strawberry.Private[Snapshot | None]
    base: strawberry.Private[Snapshot | None]
    errors: list[UserError] = strawberry.field(description="Every reason why there is no ranking.")

    @strawberry.field(description="Best first; all of them unless `first` says how many.")
    def entries(self, first: int | None = None) -> Sequence[RankingEntry]:
        count = at_least_one(first)
        return [] if self.snapshot is None else entries_at(self.snapshot, self.snapshot.places[:count])

    @strawberry.field(description="What moves against the edition as it stands; nothing when it has no ranking yet.")
    def changes(self) -> list[RankChange]:
        return [] if self.snapshot is None else rank_changes(self.base, self.snapshot)


async def simulate_ranking(info: Info, input: SimulateRankingInput) -> SimulatedRanking:  # noqa: A002 - the contract's name
    """Rank an edition with some scores, or some of its methodology, replaced."""
    proposal, change = input.proposal(), input.change()
    problems = proposal.check_form() if input.scores or input.methodology is None else []
    if not info.context.live.shows_rankings_of(input.edition):
        message = f"there is no edition {input.edition}"
        problems.append(Problem(ProblemCode.UNKNOWN_EDITION, message, ("edition",)))
    if problems:
        return _refused(problems)
    async with transaction(info.context.pool, "repeatable_read") as reader:
        recorded = await inputs.read(reader, input.edition, info.context.newest.get(input.edition, 0))
        problems = change.check(recorded.framework)
        if not problems:
            framework = change.apply(recorded.framework)
            problems += await change.check_records(reader, input.edition, recorded.framework)
            problems += await proposal.check(reader, framework)
    if problems:
        return _refused(problems)
    scores = [(score.measure, score.city, score.value, ValueStatus.RECORDED) for score in proposal.scores]
    assumed = compute.compute(replace(recorded, framework=framework).with_scores(scores))
    overrides = {(score.city, score.measure): score.source for score in proposal.scores}
    is_first = input.edition not in info.context.newest
    return SimulatedRanking(
        snapshot=Snapshot(assumed, simulated=True, overrides=overrides),
        base=None if is_first else Snapshot(compute.compute(recorded), simulated=True),
        errors=[],
    )


def _refused(problems: list[Problem]) -> SimulatedRanking:
    return SimulatedRanking(snapshot=None, base=None, errors=[UserError.of(problem) for problem in problems])
