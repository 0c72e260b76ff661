"""`rejectProposal`: an admin rejects a proposal with a reason."""

import strawberry

from api.error import UserError
from api.operation.context import Info
from api.schema.mutation.writing import write
from api.schema.permission import require_admin
from api.schema.type.proposal import Proposal, number_of
from db.change import decision


@strawberry.input(description="A proposal to reject.")
class RejectProposalInput:
    id: strawberry.ID = strawberry.field(description="Of the proposal.")
    reason: str = strawberry.field(description="For the proposer: 1 to 2,000 printable characters.")


@strawberry.type(description="The rejected proposal, or the reasons why it is not.")
class RejectProposalPayload:
    proposal: Proposal | None = strawberry.field(description="Null when the call was refused.")
    errors: list[UserError] = strawberry.field(description="Every reason; empty when it is rejected.")


async def reject_proposal(info: Info, input: RejectProposalInput) -> RejectProposalPayload:  # noqa: A002 - the schema's name
    """Reject a proposal with a reason."""
    require_admin(info, "rejectProposal")
    id_, subject = number_of(input.id), info.context.viewer.subject
    row, errors = await write(info, lambda writer: decision.reject(writer, id_, subject, input.reason))
    return RejectProposalPayload(proposal=None if row is None else Proposal(row=row), errors=errors)
