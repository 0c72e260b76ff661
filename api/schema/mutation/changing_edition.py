"""What the mutations of an edition's life share: one transaction, and the edition as it then stands."""

from collections.abc import Awaitable, Callable

import strawberry

from api.error import UserError
from api.operation.context import Info
from api.schema.mutation.writing import write
from api.schema.type.edition import Edition
from db.postgres.pool import Writer


@strawberry.type
class EditionPayload:
    """What the payloads of these mutations share."""

    edition: Edition | None = strawberry.field(description="Null when the call was refused.")
    errors: list[UserError] = strawberry.field(description="Every reason; empty when accepted.")


async def change_edition(
    info: Info, year: int, change: Callable[[Writer], Awaitable[object]]
) -> tuple[Edition | None, list[UserError]]:
    """The edition after *change*, or every reason why it is refused."""
    _, errors = await write(info, change)
    if errors:
        return None, errors
    await info.context.live.refresh()
    return Edition(entry=info.context.live.catalogue.editions[year]), []
