"""`createEdition`: an admin makes a draft from another edition."""

import strawberry

from api.operation.context import Info
from api.schema.mutation.changing_edition import EditionPayload, change_edition
from api.schema.permission import require_admin
from db import telemetry
from db.change import draft
from db.change.draft import NewEdition


@strawberry.input(
    description="A draft with the framework, methodology and members of another edition, and with its recorded scores "
    "only if asked."
)
class CreateEditionInput:
    year: int = strawberry.field(description="Year of the new edition: 1000 to 9999.")
    from_: int = strawberry.field(name="from", description="Year of the edition that it is made from.")
    with_scores: bool = strawberry.field(default=False, description="Copy what is recorded for that edition too.")
    source: str | None = strawberry.field(
        default=None, description="Where copied scores come from, in place of what each of them says."
    )


@strawberry.type(description="The new draft, or the reasons why there is none.")
class CreateEditionPayload(EditionPayload):
    pass


async def create_edition(info: Info, input: CreateEditionInput) -> CreateEditionPayload:  # noqa: A002 - the schema's name
    """Make a draft from another edition; readers do not know it until it is published."""
    require_admin(info, "createEdition")
    new = NewEdition(input.year, input.from_, input.with_scores, input.source)
    subject, trace_id = info.context.viewer.subject, telemetry.trace_id()
    edition, errors = await change_edition(info, new.year, lambda writer: draft.create(writer, new, subject, trace_id))
    return CreateEditionPayload(edition=edition, errors=errors)
