"""`unscheduleEdition`: an admin takes a scheduled publication back."""

import strawberry

from api.operation.context import Info
from api.schema.mutation.changing_edition import EditionPayload, change_edition
from api.schema.permission import require_admin
from db.change import publication


@strawberry.input(description="An edition that is scheduled.")
class UnscheduleEditionInput:
    edition: int = strawberry.field(description="Year of the edition.")


@strawberry.type(description="The draft, or the reasons why it is none.")
class UnscheduleEditionPayload(EditionPayload):
    pass


async def unschedule_edition(info: Info, input: UnscheduleEditionInput) -> UnscheduleEditionPayload:  # noqa: A002 - the schema's name
    """Make a scheduled edition a draft again."""
    require_admin(info, "unscheduleEdition")
    subject = info.context.viewer.subject
    edition, errors = await change_edition(
        info, input.edition, lambda writer: publication.unschedule(writer, input.edition, subject)
    )
    return UnscheduleEditionPayload(edition=edition, errors=errors)
