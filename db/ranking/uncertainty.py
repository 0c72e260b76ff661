"""Uncertainty analyses: requested, computed by a worker, and kept with the ranking that they are about."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from db.change import outbox
from db.composite.uncertainty import Perturbation, RankSpread
from db.postgres.pool import Pool, Reader, Writer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_ATTEMPTS = 3

# A request that was made before is not made again.
REQUEST = """
insert into uncertainty (edition, revision, draws, seed, weight_noise, vary_aggregation, requested_by)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (edition, revision, draws, seed, weight_noise, vary_aggregation) do nothing
"""

REQUESTED = """
select id from uncertainty
where edition = $1 and revision = $2 and draws = $3 and seed = $4 and weight_noise = $5 and vary_aggregation = $6
"""

BY_ID = """
select u.id, u.edition, u.revision, u.draws, u.seed, u.weight_noise, u.vary_aggregation, u.requested_by,
       u.requested_at, u.progress, u.finished_at, u.error, u.median, u.low, u.high, u.top_n_share
from unnest($1::integer[]) with ordinality as key (id, position)
left join uncertainty u using (id)
order by key.position
"""

NEWEST_FINISHED = """
select (select u.id from uncertainty u
        where u.edition = key.edition and u.revision = key.revision and u.finished_at is not null
        order by u.finished_at desc, u.id desc limit 1) as id
from unnest($1::integer[], $2::integer[]) with ordinality as key (edition, revision, position)
order by key.position
"""

UNFINISHED = "select id from uncertainty where finished_at is null and error is null order by id"

LOCK = "select pg_try_advisory_lock(hashtext('sci uncertainty'), $1)"

UNLOCK = "select pg_advisory_unlock(hashtext('sci uncertainty'), $1)"

ATTEMPT = """
update uncertainty set attempts = attempts + 1
where id = $1 and finished_at is null and error is null
returning attempts
"""

PROGRESS = "update uncertainty set progress = $2 where id = $1"

FINISH = """
update uncertainty
set progress = 1, finished_at = now(), median = $2, low = $3, high = $4, top_n_share = $5
where id = $1
"""

FAIL = "update uncertainty set error = $2 where id = $1 and finished_at is null"


@dataclass(frozen=True, slots=True)
class Analysis:
    """One analysis; its lists have one element a city of the ranking, in its order, and are None until it is finished.

    `progress` is the share (0-1) of draws done, `error` why there will be no result.
    """

    id: int
    edition: int
    revision: int
    draws: int
    seed: int
    weight_noise: float
    vary_aggregation: bool
    requested_by: str
    requested_at: datetime
    progress: float
    finished_at: datetime | None
    error: str | None
    median: list[float] | None
    low: list[float] | None
    high: list[float] | None
    top_n_share: list[float] | None

    @property
    def perturbation(self) -> Perturbation:
        return Perturbation(self.draws, self.seed, self.weight_noise, self.vary_aggregation)


async def request(
    writer: Writer, key: tuple[int, int], perturbation: Perturbation, requested_by: str, trace_id: str | None
) -> int:
    """Ask for an analysis of a stored ranking; returns the id, of an earlier equal request if there was one."""
    asked = [
        perturbation.draws,
        perturbation.seed,
        perturbation.weight_noise,
        perturbation.vary_aggregation,
    ]
    is_new = await writer.execute(REQUEST, *key, *asked, requested_by) == "INSERT 0 1"
    found: int = await writer.fetchval(REQUESTED, *key, *asked)
    if is_new:
        await outbox.append(writer, [key[0]], trace_id, uncertainty=found)
    return found


async def by_id(reader: Reader, ids: list[int]) -> list[Analysis | None]:
    """The analysis of each id, None where there is none, in the order of *ids*."""
    rows = await reader.fetch(BY_ID, ids)
    return [None if row["edition"] is None else Analysis(**row) for row in rows]


async def newest_finished(reader: Reader, keys: list[tuple[int, int]]) -> list[Analysis | None]:
    """The analysis of each (edition, revision) that was finished last, None where none was, in key order."""
    rows = await reader.fetch(NEWEST_FINISHED, [key[0] for key in keys], [key[1] for key in keys])
    return await by_id(reader, [row["id"] for row in rows])


async def unfinished(reader: Reader) -> list[int]:
    """Ids of the analyses that have neither a result nor an error."""
    return [row["id"] for row in await reader.fetch(UNFINISHED)]


@asynccontextmanager
async def attempt(pool: Pool, id_: int) -> AsyncIterator[Analysis | None]:
    """The analysis to compute now, by this caller alone; None when it is over, or when another computes it.

    One that ended its worker `MAX_ATTEMPTS` times gets an error instead of another attempt.
    """
    async with pool.acquire() as connection:
        if not await connection.fetchval(LOCK, id_):
            yield None
            return
        try:
            attempts = await connection.fetchval(ATTEMPT, id_)
            if attempts is not None and attempts > MAX_ATTEMPTS:
                await connection.execute(FAIL, id_, f"gave up after {MAX_ATTEMPTS} attempts")
                attempts = None
            yield None if attempts is None else (await by_id(connection, [id_]))[0]
        finally:
            await connection.execute(UNLOCK, id_)


async def tell_progress(pool: Pool, id_: int, progress: float) -> None:
    """Note the share (0-1) of draws done."""
    await pool.execute(PROGRESS, id_, progress)


async def finish(pool: Pool, id_: int, spread: RankSpread, order: "NDArray[np.intp]") -> None:
    """Keep the result; *order* leads from the ranking's cities to the spread's."""
    columns = [spread.median, spread.low, spread.high, spread.top_n_share]
    await pool.execute(FINISH, id_, *(column[order].tolist() for column in columns))
