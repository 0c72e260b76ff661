"""`reopenEdition`: an admin takes a closing back."""

import strawberry

from api.operation.context import Info
from api.schema.mutation.changing_edition import EditionPayload, change_edition
from api.schema.permission import require_admin
from db.change import publication


@strawberry.input(description="A closed edition, and why it is opened again.")
class ReopenEditionInput:
    edition: int = strawberry.field(description="Year of the edition.")
    reason: str = strawberry.field(
        description="For readers, who find it among the corrections: 1 to 2,000 printable characters."
    )


@strawberry.type(description="The open edition, or the reasons why it is not opened.")
class ReopenEditionPayload(EditionPayload):
    pass


async def reopen_edition(info: Info, input: ReopenEditionInput) -> ReopenEditionPayload:  # noqa: A002 - the schema's name
    """Take a closing back, for a reason that readers see."""
    require_admin(info, "reopenEdition")
    subject = info.context.viewer.subject
    edition, errors = await change_edition(
        info, input.edition, lambda writer: publication.reopen(writer, input.edition, input.reason, subject)
    )
    return ReopenEditionPayload(edition=edition, errors=errors)
