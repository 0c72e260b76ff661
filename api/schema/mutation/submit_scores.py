"""`submitScores`: an editor or admin records scores of an edition, all or none."""

import strawberry

from api.access.token import Role
from api.operation.context import Info
from api.schema.mutation.writing import SubmissionInput, SubmissionPayload, write
from api.schema.permission import require_editor_of
from api.schema.type.proposal import Proposal
from api.schema.type.score_input import ScoreInput
from api.schema.type.submission import Submission
from db import telemetry
from db.change import decision
from db.change import submission as rows
from db.change.review import StoredProposal
from db.change.score_proposal import ScoreProposal


@strawberry.input(description="Scores to record for one edition, all or none.")
class SubmitScoresInput(SubmissionInput):
    scores: list[ScoreInput] = strawberry.field(description="1 to 10,000.")

    def proposal(self) -> ScoreProposal:
        return ScoreProposal(self.edition, [score.change() for score in self.scores], **self.shared())


@strawberry.type(description="What became of a call: a submission, a proposal, or the reasons why there is none.")
class SubmitScoresPayload(SubmissionPayload):
    submission: Submission | None = strawberry.field(
        description="Null when the call was refused or waits for an admin."
    )
    proposal: Proposal | None = strawberry.field(
        description="An editor's call that waits, or waited, for an admin; null for any other."
    )


async def submit_scores(info: Info, input: SubmitScoresInput) -> SubmitScoresPayload:  # noqa: A002 - the contract's name
    """Accept all scores of the call together, or none; an editor's wait where the edition asks for it."""
    require_editor_of(info, {score.city for score in input.scores})
    viewer, trace_id = info.context.viewer, telemetry.trace_id()
    limit = None if viewer.role is Role.ADMIN else info.context.live.settings.pending_proposals
    made, errors = await write(
        info, lambda writer: decision.submit(writer, input.proposal(), viewer.subject, trace_id, limit)
    )
    return SubmitScoresPayload(
        submission=Submission(row=made) if isinstance(made, rows.Submission) else None,
        proposal=Proposal(row=made) if isinstance(made, StoredProposal) else None,
        errors=errors,
    )
