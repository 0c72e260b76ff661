"""Changes of a methodology: submissions like those of scores."""

import strawberry

from api.context import Info
from api.schema.methodology import MethodologyInput
from api.schema.permission import require_admin
from api.schema.submission import Accepted, SubmissionInput, accept
from db.methodology_proposal import MethodologyProposal


@strawberry.input(description="A change of one edition's methodology.")
class SubmitMethodologyInput(SubmissionInput):
    methodology: MethodologyInput = strawberry.field(description="What shall be different.")


@strawberry.type(description="What became of a call: a submission, or the reasons why there is none.")
class SubmitMethodologyPayload(Accepted):
    pass


async def submit_methodology(info: Info, input: SubmitMethodologyInput) -> SubmitMethodologyPayload:  # noqa: A002 - the schema's name
    """Change an edition's methodology; all of the change is accepted, or nothing."""
    require_admin(info, "submitMethodology")
    proposal = MethodologyProposal(
        input.edition,
        input.methodology.change(),
        **input.shared(),
    )
    submission, errors = await accept(info, proposal)
    return SubmitMethodologyPayload(submission=submission, errors=errors)
