"""What stands where: editions and how far they are behind, the outbox, proposals, processes, sizes of tables."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from db.index import edition as edition_rows
from db.index.edition import EditionProgress
from db.postgres.pool import Pool, Reader

# The change that waits longest for a ranking is the first one after the newest ranked revision.
BEHIND = """
select e.year,
       extract(epoch from now() - min(s.submitted_at))::double precision as behind_seconds
from edition e
join submission s on s.edition = e.year
    and s.revision > coalesce((select max(r.revision) from ranking r where r.edition = e.year), 0)
group by e.year
"""

OUTBOX = """
select count(*) as size,
       coalesce(extract(epoch from now() - min(appended_at)), 0)::double precision as age_seconds
from outbox
"""

PENDING_PROPOSALS = "select count(*) from proposal where status = 'pending'"

UNFINISHED_ANALYSES = "select count(*) from uncertainty where finished_at is null and error is null"

TABLE_BYTES = """
select c.relname as name, pg_total_relation_size(c.oid) as bytes
from pg_class c
where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
order by c.relname
"""

HEARTBEATS = """
select role, host, extract(epoch from now() - beat_at)::double precision as age_seconds
from heartbeat
order by role, host
"""

BEAT = """
insert into heartbeat (role, host) values ($1, $2)
on conflict (role, host) do update set beat_at = now()
"""

FORGET = "delete from heartbeat where beat_at < now() - interval '1 day'"

Role = Literal["worker", "relay"]


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """One worker or relay, and how long ago it last did its work."""

    role: Role
    host: str
    age_seconds: float


@dataclass(frozen=True, slots=True)
class EditionStatus:
    """How far the ranking of an edition is; `behind_seconds` is the age of its oldest change that is not ranked."""

    year: int
    revision: int
    ranked_revision: int | None
    behind_seconds: float
    attempts: int
    is_parked: bool


@dataclass(frozen=True, slots=True)
class Status:
    """The whole installation at one instant; ages and sizes are 0 where nothing waits."""

    read_at: datetime
    editions: tuple[EditionStatus, ...]
    outbox_size: int
    outbox_age_seconds: float
    pending_proposals: int
    unfinished_analyses: int
    heartbeats: tuple[Heartbeat, ...]
    table_bytes: dict[str, int]


async def read(reader: Reader, task_attempts: int) -> Status:
    """What stands where now, in seven statements; an edition is parked after *task_attempts*."""
    progress = await edition_rows.states(reader)
    behind = {row["year"]: row["behind_seconds"] for row in await reader.fetch(BEHIND)}
    [outbox] = await reader.fetch(OUTBOX)
    return Status(
        await reader.fetchval("select now()"),
        tuple(_edition(each, behind.get(each.year, 0.0), task_attempts) for each in progress),
        outbox["size"],
        outbox["age_seconds"],
        await reader.fetchval(PENDING_PROPOSALS),
        await reader.fetchval(UNFINISHED_ANALYSES),
        await heartbeats(reader),
        {row["name"]: row["bytes"] for row in await reader.fetch(TABLE_BYTES)},
    )


def _edition(progress: EditionProgress, behind_seconds: float, task_attempts: int) -> EditionStatus:
    return EditionStatus(
        progress.year,
        progress.revision,
        progress.ranked_revision,
        behind_seconds if progress.is_stale else 0.0,
        progress.attempts,
        progress.is_stale and not progress.is_due(task_attempts),
    )


async def heartbeats(reader: Reader) -> tuple[Heartbeat, ...]:
    """Every worker and relay of the last day."""
    return tuple(Heartbeat(**row) for row in await reader.fetch(HEARTBEATS))


async def beat(pool: Pool, role: Role, host: str) -> None:
    """Note that a worker or relay has just done its work."""
    await pool.execute(BEAT, role, host)


async def forget_silent(pool: Pool) -> None:
    """Delete the heartbeats of processes that were silent for a day."""
    await pool.execute(FORGET)
