"""`setReviewRequired`: whether scores that editors submit to an edition wait for an admin."""

import strawberry

from api.error import UserError
from api.operation.context import Info
from api.schema.mutation.writing import write
from api.schema.permission import require_admin
from api.schema.type.edition import Edition
from db.change.proposal import Problem, ProblemCode, RefusedError
from db.index import edition as rows
from db.postgres.pool import Writer


@strawberry.input(description="Whether an edition's scores are reviewed.")
class SetReviewRequiredInput:
    edition: int = strawberry.field(description="Year of the edition.")
    review_required: bool = strawberry.field(description="Whether scores that editors submit wait for an admin.")


@strawberry.type(description="The edition, or the reasons why it stays as it is.")
class SetReviewRequiredPayload:
    edition: Edition | None = strawberry.field(description="Null when the call was refused.")
    errors: list[UserError] = strawberry.field(description="Every reason; empty when it is as asked for.")


async def set_review_required(info: Info, input: SetReviewRequiredInput) -> SetReviewRequiredPayload:  # noqa: A002 - the schema's name
    """Turn the review of an edition on or off; the revision stays, because no ranking depends on it."""
    require_admin(info, "setReviewRequired")
    subject = info.context.viewer.subject
    _, errors = await write(info, lambda writer: _set(writer, input, subject))
    if errors:
        return SetReviewRequiredPayload(edition=None, errors=errors)
    # It may have been loaded just now.
    await info.context.live.refresh()
    entry = info.context.live.catalogue.editions[input.edition]
    return SetReviewRequiredPayload(edition=Edition(entry=entry), errors=[])


async def _set(writer: Writer, input_: SetReviewRequiredInput, subject: str) -> None:
    found = (await rows.lock_from(writer, input_.edition)).get(input_.edition)
    if found is None:
        message = f"there is no edition {input_.edition}"
        raise RefusedError([Problem(ProblemCode.UNKNOWN_EDITION, message, ("edition",))])
    if found.is_closed:
        raise RefusedError([Problem(ProblemCode.EDITION_CLOSED, f"edition {found.year} is closed", ("edition",))])
    await rows.require_review(writer, input_.edition, input_.review_required, subject)
