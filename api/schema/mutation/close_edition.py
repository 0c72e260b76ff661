"""`closeEdition`: an admin closes an edition for good."""

import strawberry

from api.error import UserError
from api.operation.context import Info
from api.schema.permission import require_admin
from api.schema.type.edition import Edition
from db.change.proposal import Problem, ProblemCode
from db.index import edition as rows
from db.postgres.pool import transaction


@strawberry.input(description="An edition to close.")
class CloseEditionInput:
    edition: int = strawberry.field(description="Year of the edition.")
    expected_revision: int | None = strawberry.field(
        default=None, description="Refuse unless the edition still stands at this revision."
    )


@strawberry.type(description="The closed edition, or the reasons why it is not closed.")
class CloseEditionPayload:
    edition: Edition | None = strawberry.field(description="Null when the call was refused.")
    errors: list[UserError] = strawberry.field(description="Every reason; empty when it is closed.")


async def close_edition(info: Info, input: CloseEditionInput) -> CloseEditionPayload:  # noqa: A002 - the schema's name
    """Close an edition for good; closing it again changes nothing."""
    require_admin(info, "closeEdition")
    async with transaction(info.context.pool) as writer:
        found = (await rows.lock_from(writer, input.edition)).get(input.edition)
        if problem := _refusal(input, found):
            return CloseEditionPayload(edition=None, errors=[UserError.of(problem)])
        await rows.close(writer, input.edition, info.context.viewer.subject)
    await info.context.live.refresh()
    return CloseEditionPayload(edition=Edition(entry=info.context.live.catalogue.editions[input.edition]), errors=[])


def _refusal(input_: CloseEditionInput, found: rows.Locked | None) -> Problem | None:
    if found is None:
        return Problem(ProblemCode.UNKNOWN_EDITION, f"there is no edition {input_.edition}", ("edition",))
    if input_.expected_revision in (None, found.revision):
        return None
    message = f"edition {found.year} stands at revision {found.revision}, not {input_.expected_revision}"
    return Problem(ProblemCode.REVISION_CONFLICT, message, ("expectedRevision",))
