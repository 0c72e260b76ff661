"""`retryRecomputation`: an admin has a parked edition tried again."""

import strawberry

from api.error import UserError
from api.operation.context import Info
from api.schema.permission import require_admin
from api.schema.type.edition import Edition
from db import telemetry
from db.change import outbox
from db.change.proposal import Problem, ProblemCode
from db.postgres.pool import transaction
from db.ranking import attempt


@strawberry.input(description="An edition that is parked.")
class RetryRecomputationInput:
    edition: int = strawberry.field(description="Year of the edition.")


@strawberry.type(description="The edition, or the reasons why it is not tried again.")
class RetryRecomputationPayload:
    edition: Edition | None = strawberry.field(description="Null when the call was refused.")
    errors: list[UserError] = strawberry.field(description="Every reason; empty when it is tried again.")


async def retry_recomputation(info: Info, input: RetryRecomputationInput) -> RetryRecomputationPayload:  # noqa: A002 - the schema's name
    """Count the attempts to rank an edition from the start again, and ask for its ranking."""
    require_admin(info, "retryRecomputation")
    entry = info.context.live.catalogue.editions.get(input.edition)
    if entry is None:
        problem = Problem(ProblemCode.UNKNOWN_EDITION, f"there is no edition {input.edition}", ("edition",))
        return RetryRecomputationPayload(edition=None, errors=[UserError.of(problem)])
    async with transaction(info.context.pool) as writer:
        await attempt.reset(writer, input.edition)
        await outbox.append(writer, [input.edition], telemetry.trace_id())
    return RetryRecomputationPayload(edition=Edition(entry=entry), errors=[])
