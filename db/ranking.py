"""Rankings: immutable snapshots named by (edition, revision), computed, saved once and read back."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property
from itertools import chain, groupby, islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import asyncpg
import numpy as np

from db import array
from db import framework as framework_rows
from db.composite.framework import OVERALL, Framework
from db.figure import COMPARED, OF_ALL, Column, Comparison, Figures, Received
from db.inputs import Basis
from db.pool import Reader, Writer

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
insert into ranking (edition, revision, computed_at, input_hash, framework, cities, basis)
select $1, $2, $3, $4, d.framework, $5, $6 from definition d where d.id = $7
"""

# What a ranking has once comes with its first column: a statement of its own would be waited for.
BY_KEY = """
select c.edition, c.revision, array_send(c.value) as value, array_send(c.status) as status,
       array_send(c.score) as score, array_send(c.rank) as rank, array_send(c.share) as share,
       array_send(c.estimated_share) as estimated_share, array_send(c.previous_score) as previous_score,
       array_send(c.previous_rank) as previous_rank, array_send(c.is_top_n) as is_top_n,
       array_send(c.is_first_top_n) as is_first_top_n, array_send(c.is_hidden_champion) as is_hidden_champion,
       array_send(c.points_to_next_rank) as points_to_next_rank,
       r.computed_at, r.input_hash, r.framework::text, r.cities, r.basis,
       (select max(b.revision) from ranking b where b.edition = r.edition and b.revision < r.revision)
           as revision_before
from unnest($1::integer[], $2::integer[]) as key (edition, revision)
join ranking_column c using (edition, revision)
left join ranking r on c.position = 0 and r.edition = c.edition and r.revision = c.revision
order by c.edition, c.revision, c.position
"""

REVISION_BEFORE = """
select max(r.revision)
from unnest($1::integer[], $2::integer[]) with ordinality as key (edition, revision, position)
left join ranking r on r.edition = key.edition and r.revision < key.revision
group by key.position
order by key.position
"""

FIRST_FROM = """
select min(r.revision)
from unnest($1::integer[], $2::integer[]) with ordinality as key (edition, revision, position)
left join ranking r on r.edition = key.edition and r.revision >= key.revision
group by key.position
order by key.position
"""

KEYS = "select edition, revision from ranking where edition = $1 or $1 is null order by edition, revision"

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

STORED_ALREADY = asyncpg.UniqueViolationError

Key = tuple[int, int]
"""Edition and revision."""


@dataclass(frozen=True)
class Ranking:
    """One snapshot: `cities` holds the slugs of the ranked cities, best first, equal ranks by slug.

    `figures` has a row for overall and then for each of the framework's measures, `comparison` one for overall and
    then for each category; see `db.figure.Column` and `Comparison` for what they are. `basis` is None for a ranking
    stored before migration 0003. `revision_before` is that of the ranking stored before it, None for the first of an
    edition and for one that is not stored.
    """

    edition: int
    revision: int
    computed_at: datetime
    input_hash: str
    framework: Framework
    cities: tuple[str, ...]
    figures: Figures
    comparison: Figures
    basis: Basis | None
    revision_before: int | None = None

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """Overall first, then the framework's measures in their order."""
        compared = {row: Comparison(self.comparison, index) for index, row in enumerate(compared_rows(self.framework))}
        codes = enumerate((OVERALL, *self.framework.position))
        return tuple(Column(code, self.figures, row, compared.get(row)) for row, code in codes)

    def gives(self, other: "Ranking") -> bool:
        """Whether both have the same figures for the same cities, to the bit."""
        pairs = [(self.figures[name], other.figures[name]) for name in OF_ALL]
        pairs += [(self.comparison[name], other.comparison[name]) for name in COMPARED]
        return (
            self.cities == other.cities
            and self.framework.position.keys() == other.framework.position.keys()
            and all(_equal(*map(np.array, pair)) for pair in pairs)
        )


def compared_rows(framework: Framework) -> list[int]:
    """The rows of what is compared with other cities and earlier editions: overall and the categories."""
    return [0, *(1 + category for category in framework.categories)]


def _equal(one: "NDArray[Any]", other: "NDArray[Any]") -> bool:
    return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")


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


async def save(writer: Writer, ranking: Ranking) -> None:
    """Store a snapshot; raises `STORED_ALREADY` when (edition, revision) is."""
    key = ranking.edition, ranking.revision
    assert ranking.basis is not None, "only what was stored before migration 0003 has none"
    inserting = asyncio.ensure_future(writer.execute(
        SAVE, *key, ranking.computed_at, ranking.input_hash, list(ranking.cities),
        asdict(ranking.basis), ranking.basis.definitions[ranking.edition],
    ))  # fmt: skip
    rows = array.copy_rows(_columns(ranking))
    try:
        # Postgres inserts while the first rows are encoded.
        await asyncio.sleep(0)
        first = list(islice(rows, 2))
    finally:
        await inserting
    await writer.copy_to_table(
        "ranking_column",
        columns=["edition", "revision", "position", "code", *OF_ALL, *COMPARED],
        source=_each(chain(first, rows)),
        format="binary",
    )


def _columns(ranking: Ranking) -> list[Any]:
    codes = [OVERALL, *ranking.framework.position]
    count = len(codes)
    columns: list[Any] = [[ranking.edition] * count, [ranking.revision] * count, range(count), codes]
    columns += [ranking.figures[name] for name in OF_ALL]
    compared = compared_rows(ranking.framework)
    for name in COMPARED:
        figures = dict(zip(compared, ranking.comparison[name], strict=True))
        columns.append([figures.get(row) for row in range(count)])
    return columns


async def keys(reader: Reader, edition: int | None) -> list[Key]:
    """Every stored ranking of an edition, or of all, oldest first."""
    return [(row["edition"], row["revision"]) for row in await reader.fetch(KEYS, edition)]


async def prune(writer: Writer, years: list[int], keep: int) -> None:
    """Delete all but the newest *keep* rankings of each open edition, and those a later edition was compared with."""
    # Newest first: what only a deleted ranking was compared with goes too.
    for year in sorted(years, reverse=True):
        await writer.execute(PRUNE, year, keep)


async def _each(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def by_key(reader: Reader, keys: list[Key]) -> list[Ranking | None]:
    """The stored snapshot of each key, None where there is none; always one statement."""
    rows = await reader.fetch(BY_KEY, [key[0] for key in keys], [key[1] for key in keys])
    found = {key: _ranking(list(group)) for key, group in groupby(rows, key=itemgetter("edition", "revision"))}
    return [found.get(key) for key in keys]


def _ranking(rows: "list[asyncpg.Record]") -> Ranking:
    """One ranking, of the rows of its columns."""
    head = rows[0]
    compared = [row for row in rows if row[COMPARED[0]] is not None]
    return Ranking(
        head["edition"], head["revision"], head["computed_at"], head["input_hash"],
        framework_rows.from_text(head["framework"]), tuple(head["cities"]),
        Received({name: [row[name] for row in rows] for name in OF_ALL}),
        Received({name: [row[name] for row in compared] for name in COMPARED}),
        head["basis"] and Basis.from_json(head["basis"]), head["revision_before"],
    )  # fmt: skip


async def revision_before(reader: Reader, keys: list[Key]) -> list[int | None]:
    """The newest ranked revision older than each key's, in key order."""
    return await _revisions(reader, REVISION_BEFORE, keys)


async def first_revision_from(reader: Reader, keys: list[Key]) -> list[int | None]:
    """The oldest ranked revision that is not older than each key's, in key order."""
    return await _revisions(reader, FIRST_FROM, keys)


async def _revisions(reader: Reader, query: str, keys: list[Key]) -> list[int | None]:
    rows = await reader.fetch(query, [key[0] for key in keys], [key[1] for key in keys])
    return [row[0] for row in rows]
