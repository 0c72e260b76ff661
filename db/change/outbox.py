"""The row between the API and the worker: appended with the change, claimed by the relay."""

from dataclasses import dataclass

from db import tracing
from db.postgres.pool import Writer

CHANNEL = "outbox"

APPEND = """
insert into outbox (edition, trace_id, uncertainty, traceparent) select unnest($1::integer[]), $2, $3::integer, $4
"""

# Delivered at commit, so a woken relay always finds the row.
NOTIFY = "select pg_notify('outbox', '')"

CLAIM = """
delete from outbox
where id in (select id from outbox order by id limit $1 for update skip locked)
returning edition, trace_id, uncertainty, traceparent
"""


@dataclass(frozen=True, slots=True)
class Request:
    """Asks for the ranking of an edition or for an uncertainty analysis; `trace_id` and `traceparent`
    are those of the change."""

    edition: int
    trace_id: str | None
    uncertainty: int | None
    traceparent: str | None = None


async def append(writer: Writer, editions: list[int], trace_id: str | None, *, uncertainty: int | None = None) -> None:
    """Ask, with the commit of *writer*, for the rankings of *editions* or for one analysis."""
    await writer.execute(APPEND, editions, trace_id, uncertainty, tracing.traceparent())
    await writer.execute(NOTIFY)


async def claim(writer: Writer, limit: int) -> list[Request]:
    """Take up to *limit* requests; they are gone when *writer* commits and back when it rolls back."""
    return [Request(**row) for row in await writer.fetch(CLAIM, limit)]
