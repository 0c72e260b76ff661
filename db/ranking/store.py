"""Storing a ranking: by one worker at a time, of its columns those that moved, and no longer than wanted."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import asdict
from typing import Any

import asyncpg

from db.composite.framework import OVERALL
from db.postgres import array
from db.postgres.pool import Reader, Writer
from db.ranking.column import COMPARED, OF_ALL
from db.ranking.ranking import Baseline, Ranking, compared_rows

LOCK = "select pg_advisory_xact_lock(hashtext('sci ranking'), $1)"

TRY_LOCK = "select pg_try_advisory_xact_lock(hashtext('sci ranking'), $1)"

# Postgres ends a session that is idle for too long, but not one that waits for the rest of a COPY.
END_STUCK = """
select pg_terminate_backend(a.pid)
from pg_locks l
join pg_stat_activity a on a.pid = l.pid
where l.locktype = 'advisory' and l.granted and l.objsubid = 2
  and l.database = (select oid from pg_database where datname = current_database())
  and l.classid = (hashtext('sci ranking')::bigint & 4294967295)::oid and l.objid = $1::integer::oid
  and a.xact_start < now() - make_interval(secs => $2)
"""

# The framework is that of the definition that it rests on: sent and parsed again, it took half of the statement's time.
SAVE = """
insert into ranking (edition, revision, computed_at, input_hash, framework, cities, basis, column_revisions)
select $1, $2, $3, $4, d.framework, d.cities, $5, $6 from definition d where d.id = $7
"""

# Until the transaction ends nobody deletes these rankings. Newest first, as `prune` locks them: no two wait for each
# other.
HOLD_BASIS = """
select from unnest($1::integer[], $2::integer[]) as key (edition, revision)
join ranking r using (edition, revision)
order by r.edition desc
for key share of r
"""

# Waits for every ranking that is about to name one of these as its basis, so that `PRUNE` sees it.
LOCK_PRUNABLE = """
select from ranking
where edition = $1
  and revision not in (select revision from ranking where edition = $1 order by revision desc limit $2)
order by revision
for update
"""

# What a later edition's ranking was compared with stays too: without it, that one could not be rebuilt.
PRUNE = """
delete from ranking r
using edition e
where e.year = r.edition and e.year = $1 and e.closed_at is null
  and r.revision not in (select revision from ranking where edition = $1 order by revision desc limit $2)
  and not exists (
      select from ranking later
      where later.edition > $1 and (later.basis -> 'rankings' ->> $1::text)::integer = r.revision)
"""

PRUNE_COLUMNS = """
delete from ranking_column c
where c.edition = $1
  and not exists (
      select from ranking r
      cross join lateral unnest(r.column_revisions) with ordinality as named (revision, number)
      where r.edition = $1 and named.revision = c.revision and named.number = c.position + 1)
  and not exists (
      select from ranking r where r.edition = $1 and r.revision = c.revision and r.column_revisions is null)
"""

NONE_DELETED = "DELETE 0"

STORED_ALREADY = asyncpg.UniqueViolationError


async def lock(writer: Writer, edition: int) -> None:
    """Wait to be the only one that computes this edition; held until *writer* ends."""
    await writer.execute(LOCK, edition)


async def try_lock(writer: Writer, edition: int) -> bool:
    """As `lock`, without waiting: False when somebody else computes this edition."""
    locked: bool = await writer.fetchval(TRY_LOCK, edition)
    return locked


async def end_stuck(reader: Reader, edition: int, seconds: float) -> None:
    """End the session that has computed this edition for more than *seconds*: its worker has stopped, and not ended."""
    await reader.execute(END_STUCK, edition, seconds)


async def save(writer: Writer, ranking: Ranking, before: Baseline | None = None) -> None:
    """Store a snapshot, of its columns those that moved from *before*, which it was computed from.

    Raises `STORED_ALREADY` when (edition, revision) is, and one of `db.postgres.pool.AWAY` when a ranking that its
    basis names was pruned since *writer*'s instant.
    """
    key = ranking.edition, ranking.revision
    assert ranking.basis is not None, "only what was stored before migration 0003 has none"
    positions = _stored_positions(ranking, before)
    revisions = [0] * (1 + len(ranking.framework.measures)) if before is None else list(before.column_revisions)
    for position in positions:
        revisions[position] = ranking.revision
    if compared := ranking.basis.rankings:
        await writer.execute(HOLD_BASIS, list(compared), list(compared.values()))
    await writer.execute(
        SAVE, *key, ranking.computed_at, ranking.input_hash, asdict(ranking.basis), revisions,
        ranking.basis.definitions[ranking.edition],
    )  # fmt: skip
    await writer.copy_to_table(
        "ranking_column",
        columns=["edition", "revision", "position", "code", *OF_ALL, *COMPARED],
        source=_each(array.copy_rows(_columns(ranking, positions))),
        format="binary",
    )


def _stored_positions(ranking: Ranking, before: Baseline | None) -> list[int]:
    """Of the columns that moved from *before*; of all without it."""
    if before is None:
        return list(range(1 + len(ranking.framework.measures)))
    assert ranking.moved is not None, "a ranking with a baseline is computed from it"
    return sorted(ranking.moved)


def _columns(ranking: Ranking, positions: list[int]) -> list[Any]:
    codes = [OVERALL, *ranking.framework.position]
    count = len(positions)
    columns: list[Any] = [[ranking.edition] * count, [ranking.revision] * count, positions]
    columns.append([codes[position] for position in positions])
    columns += [[ranking.figures[name][position] for position in positions] for name in OF_ALL]
    compared = compared_rows(ranking.framework)
    for name in COMPARED:
        figures = dict(zip(compared, ranking.comparison[name], strict=True))
        columns.append([figures.get(position) for position in positions])
    return columns


async def prune(writer: Writer, years: list[int], keep: int) -> None:
    """Delete all but the newest *keep* rankings of each open edition, and those a later edition was compared with.

    *writer* must be read committed: a ranking that names a deleted one, or a column of it, is waited for and then seen.
    """
    # Newest first: what only a deleted ranking was compared with goes too.
    for year in sorted(years, reverse=True):
        await writer.execute(LOCK_PRUNABLE, year, keep)
        if await writer.execute(PRUNE, year, keep) != NONE_DELETED:
            await writer.execute(PRUNE_COLUMNS, year)


async def _each(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
