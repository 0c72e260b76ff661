"""What mutations share: one transaction that is committed or refused, and the form of all submissions."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import strawberry

from api.error import UserError
from api.operation.context import Info
from api.schema.type.submission import Submission
from db import telemetry
from db.change import submission as rows
from db.change.proposal import Proposal, RefusedError
from db.postgres.pool import Writer, transaction

T = TypeVar("T")


@strawberry.input
class SubmissionInput:
    """What the inputs of all submissions share."""

    edition: int = strawberry.field(description="Year of the edition.")
    source: str | None = strawberry.field(default=None, description="Where it comes from: a URL or a citation.")
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="Repeating a call with the same key and the same content within a day returns the first "
        "submission or proposal; other content is an error.",
    )
    expected_revision: int | None = strawberry.field(
        default=None, description="Refuse unless the edition still stands at this revision."
    )

    correction: str | None = strawberry.field(
        default=None,
        description="Why a published edition changes, for readers; without it the correction is listed without a "
        "reason.",
    )

    def shared(self) -> dict[str, Any]:
        """What a proposal has besides its edition and its content."""
        return {
            "source": self.source,
            "idempotency_key": self.idempotency_key,
            "expected_revision": self.expected_revision,
            "correction": self.correction,
        }


@strawberry.type
class SubmissionPayload:
    """What the payloads of all submissions share."""

    submission: Submission | None = strawberry.field(description="Null when the call was refused.")
    errors: list[UserError] = strawberry.field(description="Every reason; empty when accepted.")


async def submit(info: Info, proposal: Proposal) -> tuple[Submission | None, list[UserError]]:
    """The submission that a proposal becomes in one transaction, or every reason why it does not."""
    subject, trace_id = info.context.viewer.subject, telemetry.trace_id()
    accepted, errors = await write(info, lambda writer: rows.submit(writer, proposal, subject, trace_id))
    return None if accepted is None else Submission(row=accepted), errors


async def write(info: Info, change: Callable[[Writer], Awaitable[T]]) -> tuple[T | None, list[UserError]]:
    """What *change* gives in one transaction, or every reason why it is refused."""
    try:
        async with transaction(info.context.pool) as writer:
            return await change(writer), []
    except RefusedError as refused:
        return None, [UserError.of(problem) for problem in refused.problems]
