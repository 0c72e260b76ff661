"""`withdrawProposal`: an editor takes back a proposal that waits."""

import strawberry

from api.error import UserError
from api.operation.context import Info
from api.schema.mutation.writing import write
from api.schema.permission import require_editor
from api.schema.type import proposal as proposals
from api.schema.type.proposal import Proposal
from db.change import decision


@strawberry.input(description="A proposal to take back.")
class WithdrawProposalInput:
    id: strawberry.ID = strawberry.field(description="Of the proposal.")


@strawberry.type(description="The withdrawn proposal, or the reasons why it is not.")
class WithdrawProposalPayload:
    proposal: Proposal | None = strawberry.field(description="Null when the call was refused.")
    errors: list[UserError] = strawberry.field(description="Every reason; empty when it is withdrawn.")


async def withdraw_proposal(info: Info, input: WithdrawProposalInput) -> WithdrawProposalPayload:  # noqa: A002 - the schema's name
    """Take back a proposal of the viewer's own; who may not see one is told that there is none."""
    require_editor(info, "withdrawProposal")
    id_, subject = proposals.number_of(input.id), info.context.viewer.subject
    row, errors = await write(info, lambda writer: decision.withdraw(writer, id_, subject))
    return WithdrawProposalPayload(proposal=None if row is None else Proposal(row=row), errors=errors)
