"""What a ranking would be with other scores; nothing is written."""

from dataclasses import replace

import numpy as np
import strawberry

from api.context import Info
from api.schema.change import RankChange, rank_changes
from api.schema.entry import RankingEntry, entries_of
from api.schema.error import UserError
from api.schema.ranking import at_least_one
from api.schema.submission import ScoreInput
from api.snapshot import Snapshot
from db import inputs, ranking
from db import proposal as proposals
from db.inputs import Inputs
from db.pool import transaction
from db.proposal import Problem, ProblemCode, Proposal
from db.score import STATUS_CODE, ValueStatus


@strawberry.input(description="The scores to assume.")
class SimulateRankingInput:
    edition: int = strawberry.field(description="Year of the edition.")
    scores: list[ScoreInput] = strawberry.field(description="1 to 10,000; a null value removes the recorded one.")


@strawberry.type(description="The ranking as if; its entries are not stored and their ids do not resolve.")
class SimulatedRanking:
    snapshot: strawberry.Private[Snapshot | None]
    base: strawberry.Private[Snapshot | None]
    errors: list[UserError] = strawberry.field(description="Every reason why there is no ranking.")

    @strawberry.field(description="Best first; all of them unless `first` says how many.")
    def entries(self, first: int | None = None) -> list[RankingEntry]:
        count = at_least_one(first)
        return [] if self.snapshot is None else entries_of(self.snapshot)[:count]

    @strawberry.field(description="What moves against the scores as recorded.")
    def changes(self) -> list[RankChange]:
        return [] if self.snapshot is None else rank_changes(self.base, self.snapshot)


async def simulate_ranking(info: Info, input: SimulateRankingInput) -> SimulatedRanking:  # noqa: A002 - the contract's name
    """Rank an edition with some scores replaced."""
    proposal = Proposal(input.edition, [score.change() for score in input.scores])
    problems = proposals.check_form(proposal)
    entry = info.context.index.catalogue.editions.get(input.edition)
    if entry is None:
        message = f"there is no edition {input.edition}"
        problems.append(Problem(ProblemCode.UNKNOWN_EDITION, message, ("edition",)))
    if problems:
        return _refused(problems)
    async with transaction(info.context.pool, "repeatable_read") as reader:
        problems = proposals.check_scores(proposal, await proposals.target(reader, input.edition))
        if problems:
            return _refused(problems)
        recorded = await inputs.read(reader, input.edition, info.context.newest.get(input.edition, 0))
    overrides = {(change.city, change.measure): change.source for change in proposal.scores}
    assumed = ranking.compute(_with(recorded, proposal))
    return SimulatedRanking(
        snapshot=Snapshot(assumed, simulated=True, overrides=overrides),
        base=Snapshot(ranking.compute(recorded), simulated=True),
        errors=[],
    )


def _refused(problems: list[Problem]) -> SimulatedRanking:
    return SimulatedRanking(snapshot=None, base=None, errors=[UserError.of(problem) for problem in problems])


def _with(recorded: Inputs, proposal: Proposal) -> Inputs:
    """The inputs as a submission of *proposal* would leave them."""
    values, statuses = recorded.values.copy(), recorded.statuses.copy()
    column = {city: index for index, city in enumerate(recorded.cities)}
    for change in proposal.scores:
        place = recorded.framework.position[change.measure], column[change.city]
        removed = change.value is None
        values[place] = np.nan if change.value is None else change.value
        statuses[place] = STATUS_CODE[ValueStatus.COMPUTED if removed else ValueStatus.RECORDED]
    return replace(recorded, values=values, statuses=statuses)
