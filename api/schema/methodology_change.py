"""Changes of a methodology: submissions like those of scores."""

import strawberry

from api.context import Info
from api.schema.methodology import MethodologyInput
from api.schema.permission import require_admin
from api.schema.submission import Accepted, accept
from db.methodology_proposal import MethodologyProposal


@strawberry.input(description="A change of one edition's methodology.")
class SubmitMethodologyInput:
    edition: int = strawberry.field(description="Year of the edition.")
    methodology: MethodologyInput = strawberry.field(description="What shall be different.")
    source: str | None = strawberry.field(default=None, description="Why: a URL or a citation.")
    idempotency_key: str | None = strawberry.field(default=None, description="As in `SubmitScoresInput`.")
    expected_revision: int | None = strawberry.field(default=None, description="As in `SubmitScoresInput`.")


@strawberry.type(description="What became of a call: a submission, or the reasons why there is none.")
class SubmitMethodologyPayload(Accepted):
    pass


async def submit_methodology(info: Info, input: SubmitMethodologyInput) -> SubmitMethodologyPayload:  # noqa: A002 - the schema's name
    """Change an edition's methodology; all of the change is accepted, or nothing."""
    require_admin(info, "submitMethodology")
    proposal = MethodologyProposal(
        input.edition,
        input.methodology.change(),
        source=input.source,
        idempotency_key=input.idempotency_key,
        expected_revision=input.expected_revision,
    )
    submission, errors = await accept(info, proposal)
    return SubmitMethodologyPayload(submission=submission, errors=errors)
