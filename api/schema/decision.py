"""Decisions about proposals, each once."""

import strawberry

from api.context import Info
from api.schema.error import UserError
from api.schema.permission import require_admin
from api.schema.proposal import Proposal, number_of
from api.schema.submission import written
from db import decision, telemetry


@strawberry.input(description="A proposal to accept.")
class AcceptProposalInput:
    id: strawberry.ID = strawberry.field(description="Of the proposal.")
    expected_revision: int | None = strawberry.field(
        default=None, description="Refuse unless its edition still stands at this revision."
    )


@strawberry.type(description="The accepted proposal, or the reasons why it is not.")
class AcceptProposalPayload:
    proposal: Proposal | None = strawberry.field(description="Null when the call was refused.")
    errors: list[UserError] = strawberry.field(
        description="Every reason; empty when it is accepted. Paths that begin with `scores` lead into the proposal."
    )


@strawberry.input(description="A proposal to reject.")
class RejectProposalInput:
    id: strawberry.ID = strawberry.field(description="Of the proposal.")
    reason: str = strawberry.field(description="For the proposer: 1 to 2,000 printable characters.")


@strawberry.type(description="The rejected proposal, or the reasons why it is not.")
class RejectProposalPayload:
    proposal: Proposal | None = strawberry.field(description="Null when the call was refused.")
    errors: list[UserError] = strawberry.field(description="Every reason; empty when it is rejected.")


async def accept_proposal(info: Info, input: AcceptProposalInput) -> AcceptProposalPayload:  # noqa: A002 - the schema's name
    """Apply a proposal as a submission of the viewer; one that is refused waits on."""
    require_admin(info, "acceptProposal")
    id_, subject, trace_id = number_of(input.id), info.context.viewer.subject, telemetry.trace_id()
    row, errors = await written(
        info, lambda writer: decision.accept(writer, id_, subject, trace_id, input.expected_revision)
    )
    return AcceptProposalPayload(proposal=None if row is None else Proposal(row=row), errors=errors)


async def reject_proposal(info: Info, input: RejectProposalInput) -> RejectProposalPayload:  # noqa: A002 - the schema's name
    """Reject a proposal with a reason."""
    require_admin(info, "rejectProposal")
    id_, subject = number_of(input.id), info.context.viewer.subject
    row, errors = await written(info, lambda writer: decision.reject(writer, id_, subject, input.reason))
    return RejectProposalPayload(proposal=None if row is None else Proposal(row=row), errors=errors)
