"""Submissions: score updates by mutation, and what became of them."""

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import strawberry

from api.auth import Role, Viewer
from api.context import Info
from api.schema import edition, ranking
from api.schema.error import ForbiddenError, UnauthenticatedError, UserError
from api.schema.node import Node
from db import submission as rows
from db import telemetry
from db.pool import transaction
from db.proposal import Proposal, RefusedError, ScoreChange

if TYPE_CHECKING:
    from api.schema.edition import Edition
    from api.schema.ranking import Ranking


@strawberry.enum(description="ACCEPTED: stored. RANKED: a ranking contains it.")
class SubmissionStatus(StrEnum):
    ACCEPTED = "accepted"
    RANKED = "ranked"


@strawberry.type(description="Score changes that were accepted together.")
class Submission(Node):
    row: strawberry.Private[rows.Submission]

    def key(self) -> tuple[str | int, ...]:
        return self.row.edition, self.row.revision

    @strawberry.field(description="The edition that it changed.")
    def edition(self, info: Info) -> Annotated["Edition", strawberry.lazy("api.schema.edition")]:
        return edition.Edition(entry=info.context.index.catalogue.editions[self.row.edition])

    @strawberry.field(description="The edition's revision that this submission made.")
    def revision(self) -> int:
        return self.row.revision

    @strawberry.field(description="When it was accepted.")
    def submitted_at(self) -> datetime:
        return self.row.submitted_at

    @strawberry.field(description="Subject of the token that submitted it.")
    def submitted_by(self) -> str:
        return self.row.submitted_by

    @strawberry.field(description="Scores that it changed; one that was recorded already does not count.")
    def change_count(self) -> int:
        return self.row.change_count

    @strawberry.field(description="Whether a ranking contains it.")
    async def status(self, info: Info) -> SubmissionStatus:
        ranked = await self._ranked(info) is not None
        return SubmissionStatus.RANKED if ranked else SubmissionStatus.ACCEPTED

    @strawberry.field(description="The first ranking that contains it; null until it is computed.")
    async def ranking(self, info: Info) -> Annotated["Ranking", strawberry.lazy("api.schema.ranking")] | None:
        revision = await self._ranked(info)
        return None if revision is None else await ranking.find(info, self.row.edition, revision)

    async def _ranked(self, info: Info) -> int | None:
        key = self.row.edition, self.row.revision
        revision = await info.context.loaders.first_ranked_revision_from.load(key)
        if revision is not None and revision > info.context.index.newest.get(self.row.edition, 0):
            # Who has read RANKED must not be shown an older ranking next.
            await info.context.index.refresh()
        return revision


@strawberry.input(
    description="`measure`: the code of a parameter, an indicator or a category. A recorded indicator or category "
    "value stands in for the aggregate of what is below it. A null value removes the recorded one."
)
class ScoreInput:
    city: str = strawberry.field(description="Slug of the city.")
    measure: str = strawberry.field(description="Code of the measure.")
    value: float | None = strawberry.field(
        default=None,
        description="On the measure's own scale: 0 to its maximum for indicators and categories.",
    )
    source: str | None = strawberry.field(default=None, description="Instead of the call's source.")

    def change(self) -> ScoreChange:
        return ScoreChange(self.city, self.measure, self.value, self.source)


@strawberry.input(description="Scores to record for one edition, all or none.")
class SubmitScoresInput:
    edition: int = strawberry.field(description="Year of the edition.")
    scores: list[ScoreInput] = strawberry.field(description="1 to 10,000.")
    source: str | None = strawberry.field(default=None, description="Where the values come from: a URL or a citation.")
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="Repeating a call with the same key and the same content returns the first submission; other "
        "content is an error.",
    )
    expected_revision: int | None = strawberry.field(
        default=None, description="Refuse unless the edition still stands at this revision."
    )

    def proposal(self) -> Proposal:
        scores = [score.change() for score in self.scores]
        return Proposal(self.edition, scores, self.source, self.idempotency_key, self.expected_revision)


@strawberry.type(description="What became of a call: a submission, or the reasons why there is none.")
class SubmitScoresPayload:
    submission: Submission | None = strawberry.field(description="Null when the call was refused.")
    errors: list[UserError] = strawberry.field(description="Every reason; empty when accepted.")


async def submit_scores(info: Info, input: SubmitScoresInput) -> SubmitScoresPayload:  # noqa: A002 - the contract's name
    """Accept all scores of the call together, or none."""
    _authorise(info.context.viewer, input)
    try:
        async with transaction(info.context.pool) as writer:
            accepted = await rows.submit(writer, input.proposal(), info.context.viewer.subject, telemetry.trace_id())
    except RefusedError as refused:
        return SubmitScoresPayload(submission=None, errors=[UserError.of(p) for p in refused.problems])
    return SubmitScoresPayload(submission=Submission(row=accepted), errors=[])


def _authorise(viewer: Viewer, input_: SubmitScoresInput) -> None:
    if viewer.role is Role.READER:
        raise UnauthenticatedError("submitScores needs a bearer token of an editor or admin: see `sci token`")
    foreign = {score.city for score in input_.scores} - {viewer.city}
    if viewer.role is Role.EDITOR and foreign:
        raise ForbiddenError(f"this token may change the scores of {viewer.city} only")
