"""`publishEdition`: an admin publishes a draft, now or at an instant."""

from datetime import datetime

import strawberry

from api.operation.context import Info
from api.schema.mutation.changing_edition import EditionPayload, change_edition
from api.schema.permission import require_admin
from db.change import publication
from db.change.publication import Publication


@strawberry.input(description="A draft to publish: now, or at an instant (with its zone).")
class PublishEditionInput:
    edition: int = strawberry.field(description="Year of the edition.")
    at: datetime | None = strawberry.field(
        default=None, description="When, with its zone, e.g. 2026-10-25T02:30:00+01:00; one that is past means now."
    )
    expected_revision: int | None = strawberry.field(
        default=None, description="Refuse unless the edition stands at this revision when it is called."
    )


@strawberry.type(description="The edition, published or scheduled, or the reasons why it is neither.")
class PublishEditionPayload(EditionPayload):
    pass


async def publish_edition(info: Info, input: PublishEditionInput) -> PublishEditionPayload:  # noqa: A002 - the schema's name
    """Publish a draft whose newest revision is ranked, or schedule that."""
    require_admin(info, "publishEdition")
    wish, subject = Publication(input.edition, input.at, input.expected_revision), info.context.viewer.subject
    edition, errors = await change_edition(
        info, wish.edition, lambda writer: publication.publish(writer, wish, subject)
    )
    return PublishEditionPayload(edition=edition, errors=errors)
