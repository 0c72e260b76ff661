"""Attempts to rank an edition: counted before they begin, so that one that kills its worker counts too."""

from dataclasses import dataclass
from datetime import datetime

from db.postgres.pool import Pool, Reader, Writer

# A new revision has new inputs, so its attempts are counted from the start. What counts is that a killed worker leaves
# its attempt behind: that needs the commit, but no wait until the disk has it.
BEGIN = """
with unhurried as (select set_config('synchronous_commit', 'off', true))
insert into recomputation (edition, revision, attempts) select $1, $2, 1 from unhurried
on conflict (edition) do update
set attempts = case when recomputation.revision = $2 then recomputation.attempts else 0 end + 1,
    error = case when recomputation.revision = $2 then recomputation.error end,
    revision = $2, attempted_at = now()
"""

FAIL = "update recomputation set error = $3 where edition = $1 and revision = $2"

FORGIVE = "update recomputation set attempts = attempts - 1 where edition = $1 and revision = $2 and attempts > 0"

RESET = "update recomputation set attempts = 0 where edition = $1"

BY_EDITION = """
select r.edition, r.revision, r.attempts, r.attempted_at, r.error
from unnest($1::integer[]) with ordinality as key (edition, position)
left join recomputation r
    on r.edition = key.edition
    and not exists (select from ranking where ranking.edition = r.edition and ranking.revision = r.revision)
order by key.position
"""


@dataclass(frozen=True, slots=True)
class RankingAttempts:
    """What became of the attempts to rank a revision; `error` is the last failure, None when a worker just ended."""

    edition: int
    revision: int
    attempts: int
    attempted_at: datetime
    error: str | None


async def begin(pool: Pool, edition: int, revision: int) -> None:
    """Count one more attempt to rank a revision, before it begins."""
    await pool.execute(BEGIN, edition, revision)


async def fail(pool: Pool, edition: int, revision: int, error: str) -> None:
    """Note why the attempt failed."""
    await pool.execute(FAIL, edition, revision, error)


async def forgive(pool: Pool, edition: int, revision: int) -> None:
    """Do not count the last attempt: what ended it has nothing to do with the edition."""
    await pool.execute(FORGIVE, edition, revision)


async def reset(writer: Writer, edition: int) -> None:
    """Count from the start again, so that a parked edition is tried again."""
    await writer.execute(RESET, edition)


async def by_edition(reader: Reader, years: list[int]) -> list[RankingAttempts | None]:
    """The attempts to rank what is not ranked of each edition, None where there are none, in the order of *years*."""
    rows = await reader.fetch(BY_EDITION, years)
    return [None if row["edition"] is None else RankingAttempts(**row) for row in rows]
