"""`closeEdition`: an admin closes an edition."""

import strawberry

from api.operation.context import Info
from api.schema.mutation.changing_edition import EditionPayload, change_edition
from api.schema.permission import require_admin
from db.change import publication


@strawberry.input(description="An edition to close.")
class CloseEditionInput:
    edition: int = strawberry.field(description="Year of the edition.")
    expected_revision: int | None = strawberry.field(
        default=None, description="Refuse unless the edition still stands at this revision."
    )


@strawberry.type(description="The closed edition, or the reasons why it is not closed.")
class CloseEditionPayload(EditionPayload):
    pass


async def close_edition(info: Info, input: CloseEditionInput) -> CloseEditionPayload:  # noqa: A002 - the schema's name
    """Close a published edition whose newest revision is ranked; closing it again changes nothing."""
    require_admin(info, "closeEdition")
    subject = info.context.viewer.subject
    edition, errors = await change_edition(
        info,
        input.edition,
        lambda writer: publication.close(writer, input.edition, input.expected_revision, subject),
    )
    return CloseEditionPayload(edition=edition, errors=errors)
