"""Submissions: score updates by mutation, and what became of them."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import strawberry
from strawberry.utils.await_maybe import await_maybe

from api.auth import Role
from api.context import Info
from api.schema import audit, edition, ranking
from api.schema import proposal as proposals
from api.schema.connection import PageArguments
from api.schema.error import UserError
from api.schema.node import Node
from api.schema.permission import require_admin, require_editor_of
from db import decision, telemetry
from db import submission as rows
from db.definition import FieldChange as FieldChangeRow
from db.pool import Writer, transaction
from db.proposal import Proposal as AnyProposal
from db.proposal import RefusedError
from db.review import StoredProposal
from db.score_proposal import ScoreChange, ScoreProposal

if TYPE_CHECKING:
    from api.schema.audit import ScoreChangeConnection
    from api.schema.edition import Edition
    from api.schema.proposal import Proposal
    from api.schema.ranking import Ranking

T = TypeVar("T")


@strawberry.enum(description="ACCEPTED: stored. RANKED: a ranking contains it.")
class SubmissionStatus(StrEnum):
    ACCEPTED = "accepted"
    RANKED = "ranked"


@strawberry.type(
    description="A field of an edition's methodology, framework or membership that a submission changed. Values are "
    "text; null values: there was, or is, nothing."
)
class FieldChange:
    row: strawberry.Private[FieldChangeRow]

    @strawberry.field(description="Code of a measure or slug of a city; null for the methodology.")
    def subject(self) -> str | None:
        return self.row.subject

    @strawberry.field(description="What changed, e.g. `weight` or `top_n`.")
    def field(self) -> str:
        return self.row.field

    @strawberry.field(description="Before.")
    def old_value(self) -> str | None:
        return self.row.old

    @strawberry.field(description="Since then.")
    def new_value(self) -> str | None:
        return self.row.new


@strawberry.type(description="Changes of an edition that were accepted together.")
class Submission(Node):
    row: strawberry.Private[rows.Submission]

    @property
    def _key(self) -> tuple[int, int]:
        return self.row.edition, self.row.revision

    def key(self) -> tuple[str | int, ...]:
        return self._key

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

    @strawberry.field(description="Where it says it comes from.")
    def source(self) -> str | None:
        return self.row.source

    @strawberry.field(description="For admins: the scores that it changed.")
    async def changes(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> Annotated["ScoreChangeConnection", strawberry.lazy("api.schema.audit")]:
        return await audit.of_submission(info, self._key, PageArguments(first, after, last, before))

    @strawberry.field(description="For admins: what it changed in the methodology, the framework or the membership.")
    async def field_changes(self, info: Info) -> list[FieldChange]:
        require_admin(info, "the audit")
        return [FieldChange(row=row) for row in await info.context.loaders.field_changes_by_key.load(self._key)]

    @strawberry.field(description="For admins: the proposal that was accepted by it; null when none was.")
    async def proposal(self, info: Info) -> Annotated["Proposal", strawberry.lazy("api.schema.proposal")] | None:
        require_admin(info, "the audit")
        row = await info.context.loaders.proposal_by_submission.load(self._key)
        return None if row is None else proposals.Proposal(row=row)

    @strawberry.field(
        description="Scores, fields or cities that it changed; a score that was recorded already does not count."
    )
    def change_count(self) -> int:
        return self.row.change_count

    @strawberry.field(description="Whether a ranking contains it.")
    async def status(self, info: Info) -> SubmissionStatus:
        ranked = await self._ranked(info) is not None
        return SubmissionStatus.RANKED if ranked else SubmissionStatus.ACCEPTED

    @strawberry.field(description="The first ranking that contains it; null until it is computed.")
    async def ranking(self, info: Info) -> Annotated["Ranking", strawberry.lazy("api.schema.ranking")] | None:
        revision = await self._ranked(info)
        return None if revision is None else await await_maybe(ranking.find(info, self.row.edition, revision))

    async def _ranked(self, info: Info) -> int | None:
        revision = await info.context.loaders.first_ranked_revision_from.load(self._key)
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


@strawberry.input
class SubmissionInput:
    """What the inputs of all submissions share."""

    edition: int = strawberry.field(description="Year of the edition.")
    source: str | None = strawberry.field(default=None, description="Where it comes from: a URL or a citation.")
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="Repeating a call with the same key and the same content within a day returns the first "
        "submission or proposal; other content is an error.",
    )
    expected_revision: int | None = strawberry.field(
        default=None, description="Refuse unless the edition still stands at this revision."
    )

    def shared(self) -> dict[str, Any]:
        """What a proposal has besides its edition and its content."""
        return {
            "source": self.source,
            "idempotency_key": self.idempotency_key,
            "expected_revision": self.expected_revision,
        }


@strawberry.input(description="Scores to record for one edition, all or none.")
class SubmitScoresInput(SubmissionInput):
    scores: list[ScoreInput] = strawberry.field(description="1 to 10,000.")

    def proposal(self) -> ScoreProposal:
        return ScoreProposal(self.edition, [score.change() for score in self.scores], **self.shared())


@strawberry.type
class Accepted:
    """What the payloads of all submissions share."""

    submission: Submission | None = strawberry.field(description="Null when the call was refused.")
    errors: list[UserError] = strawberry.field(description="Every reason; empty when accepted.")


@strawberry.type(description="What became of a call: a submission, a proposal, or the reasons why there is none.")
class SubmitScoresPayload(Accepted):
    submission: Submission | None = strawberry.field(
        description="Null when the call was refused or waits for an admin."
    )
    proposal: Annotated["Proposal", strawberry.lazy("api.schema.proposal")] | None = strawberry.field(
        description="An editor's call that waits, or waited, for an admin; null for any other."
    )


async def submit_scores(info: Info, input: SubmitScoresInput) -> SubmitScoresPayload:  # noqa: A002 - the contract's name
    """Accept all scores of the call together, or none; an editor's wait where the edition asks for it."""
    require_editor_of(info, {score.city for score in input.scores})
    viewer, trace_id = info.context.viewer, telemetry.trace_id()
    limit = None if viewer.role is Role.ADMIN else info.context.index.settings.pending_proposals
    made, errors = await written(
        info, lambda writer: decision.submit(writer, input.proposal(), viewer.subject, trace_id, limit)
    )
    return SubmitScoresPayload(
        submission=Submission(row=made) if isinstance(made, rows.Submission) else None,
        proposal=proposals.Proposal(row=made) if isinstance(made, StoredProposal) else None,
        errors=errors,
    )


async def accept(info: Info, proposal: AnyProposal) -> tuple[Submission | None, list[UserError]]:
    """The submission that a proposal becomes in one transaction, or every reason why it does not."""
    subject, trace_id = info.context.viewer.subject, telemetry.trace_id()
    accepted, errors = await written(info, lambda writer: rows.submit(writer, proposal, subject, trace_id))
    return None if accepted is None else Submission(row=accepted), errors


async def written(info: Info, write: Callable[[Writer], Awaitable[T]]) -> tuple[T | None, list[UserError]]:
    """What *write* gives in one transaction, or every reason why it is refused."""
    try:
        async with transaction(info.context.pool) as writer:
            return await write(writer), []
    except RefusedError as refused:
        return None, [UserError.of(problem) for problem in refused.problems]
