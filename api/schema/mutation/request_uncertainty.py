"""`requestUncertainty`: an admin asks a worker how sure the ranks of a ranking are."""

import strawberry

from api.error import UserError
from api.operation.context import Info
from api.schema.permission import require_admin
from api.schema.type.uncertainty import UncertaintyAnalysis
from api.state.snapshot import Snapshot
from db import telemetry
from db.change.proposal import Problem, ProblemCode
from db.composite.uncertainty import Perturbation
from db.postgres.pool import LARGEST_INTEGER, transaction
from db.ranking import uncertainty as rows

MAX_DRAWS = 10_000
# Scores computed by one analysis: 171 million took 1.9 s.
MAX_SCORES = 2_000_000_000


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
            problems.append(Problem(ProblemCode.OUT_OF_RANGE, f"{value!r} is outside {least} to {most}", (name,)))
    if snapshot is not None:
        scores = input_.draws * len(snapshot.ranking.columns) * len(snapshot.ranking.cities)
        if scores > MAX_SCORES:
            message = f"{scores} scores would be computed, {MAX_SCORES} at most: ask for fewer draws"
            problems.append(Problem(ProblemCode.TOO_MANY, message, ("draws",)))
    return problems
