"""`deleteEdition`: an admin deletes a draft."""

import strawberry

from api.error import UserError
from api.operation.context import Info
from api.schema.mutation.writing import write
from api.schema.permission import require_admin
from db.change import draft


@strawberry.input(description="A draft to delete, with all that is recorded for it.")
class DeleteEditionInput:
    edition: int = strawberry.field(description="Year of the edition.")
    expected_revision: int | None = strawberry.field(
        default=None, description="Refuse unless the edition still stands at this revision."
    )


@strawberry.type(description="The year of the draft that was deleted, or the reasons why none was.")
class DeleteEditionPayload:
    year: int | None = strawberry.field(description="Null when the call was refused.")
    errors: list[UserError] = strawberry.field(description="Every reason; empty when it is deleted.")


async def delete_edition(info: Info, input: DeleteEditionInput) -> DeleteEditionPayload:  # noqa: A002 - the schema's name
    """Delete a draft; an edition that is scheduled, published or closed stays."""
    require_admin(info, "deleteEdition")
    year, subject = input.edition, info.context.viewer.subject
    _, errors = await write(info, lambda writer: draft.delete(writer, year, input.expected_revision, subject))
    if errors:
        return DeleteEditionPayload(year=None, errors=errors)
    await info.context.live.refresh()
    return DeleteEditionPayload(year=year, errors=[])
