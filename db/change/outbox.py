"""The row between the API and the worker: appended with the change, claimed by the relay.

A message that is sent inside a transaction may be sent for a change that is rolled back, and one that is sent after
the commit may be lost with the process. So the request for a ranking is a row in the transaction of the change:

    async with transaction(pool) as writer:      # the API
        ...                                      # the change itself
        await append(writer, [2025], trace_id)   # the request; both are committed, or neither is
    async with transaction(pool) as writer:      # the relay, woken by the commit
        requests = await claim(writer, 1_000)    # the row is gone when the message has been sent

A relay that dies in between leaves the row, and the message is sent again: tasks may run twice.
"""

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


async def wake(writer: Writer) -> None:
    """Have the relay look, with the commit of *writer*, at what has changed of its timer."""
    await writer.execute(NOTIFY)


async def claim(writer: Writer, limit: int) -> list[Request]:
    """Take up to *limit* requests; they are gone when *writer* commits and back when it rolls back."""
    return [Request(**row) for row in await writer.fetch(CLAIM, limit)]
