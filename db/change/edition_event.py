"""The audit of an edition's life: created, scheduled, published, closed, reopened, deleted; by whom, when and why."""

from datetime import datetime
from enum import StrEnum

from db.postgres.pool import Writer

APPEND = """
insert into edition_event (edition, kind, revision, caused_by, reason, publish_at) values ($1, $2, $3, $4, $5, $6)
"""


class EventKind(StrEnum):
    """What happened to an edition."""

    CREATED = "created"
    SCHEDULED = "scheduled"
    UNSCHEDULED = "unscheduled"
    PUBLISHED = "published"
    CLOSED = "closed"
    REOPENED = "reopened"
    DELETED = "deleted"


async def append(
    writer: Writer,
    edition: int,
    kind: EventKind,
    revision: int,
    caused_by: str,
    *,
    reason: str | None = None,
    publish_at: datetime | None = None,
) -> None:
    """Note what happened to a locked edition that stands at *revision*."""
    await writer.execute(APPEND, edition, kind, revision, caused_by, reason, publish_at)
