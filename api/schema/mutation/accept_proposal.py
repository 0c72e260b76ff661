"""`acceptProposal`: an admin applies a proposal as a submission."""

import strawberry

from api.error import UserError
from api.operation.context import Info
from api.schema.mutation.writing import write
from api.schema.permission import require_admin
from api.schema.type.proposal import Proposal, number_of
from db import telemetry
from db.change import decision


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


async def accept_proposal(info: Info, input: AcceptProposalInput) -> AcceptProposalPayload:  # noqa: A002 - the schema's name
    """Apply a proposal as a submission of the viewer; one that is refused waits on."""
    require_admin(info, "acceptProposal")
    id_, subject, trace_id = number_of(input.id), info.context.viewer.subject, telemetry.trace_id()
    row, errors = await write(
        info, lambda writer: decision.accept(writer, id_, subject, trace_id, input.expected_revision)
    )
    return AcceptProposalPayload(proposal=None if row is None else Proposal(row=row), errors=errors)
