"""`submitMethodology`: an admin changes weights, means, Top N or the Hidden Champion rule of an edition."""

import strawberry

from api.operation.context import Info
from api.schema.mutation.writing import SubmissionInput, SubmissionPayload, submit
from api.schema.permission import require_admin
from api.schema.type.methodology import MethodologyInput
from db.change.methodology_proposal import MethodologyProposal


@strawberry.input(description="A change of one edition's methodology.")
class SubmitMethodologyInput(SubmissionInput):
    methodology: MethodologyInput = strawberry.field(description="What shall be different.")


@strawberry.type(description="What became of a call: a submission, or the reasons why there is none.")
class SubmitMethodologyPayload(SubmissionPayload):
    pass


async def submit_methodology(info: Info, input: SubmitMethodologyInput) -> SubmitMethodologyPayload:  # noqa: A002 - the schema's name
    """Change an edition's methodology; all of the change is accepted, or nothing."""
    require_admin(info, "submitMethodology")
    proposal = MethodologyProposal(
        input.edition,
        input.methodology.change(),
        **input.shared(),
    )
    submission, errors = await submit(info, proposal)
    return SubmitMethodologyPayload(submission=submission, errors=errors)
