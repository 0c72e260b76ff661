"""Rankings: immutable snapshots named by (edition, revision), computed, saved once and read back."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from db import array
from db import framework as framework_rows
from db.composite.framework import Framework
from db.inputs import Basis
from db.pool import Reader, Writer

if TYPE_CHECKING:
    import asyncpg
    from numpy.typing import NDArray

LOCK = "select pg_advisory_xact_lock(hashtext('sci ranking'), $1)"

SAVE = """
insert into ranking (edition, revision, computed_at, input_hash, framework, cities, basis)
values ($1, $2, $3, $4, $5, $6, $7)
"""

HEADERS = """
select r.edition, r.revision, r.computed_at, r.input_hash, r.framework::text, r.cities, r.basis
from unnest($1::integer[], $2::integer[]) as key (edition, revision)
join ranking r using (edition, revision)
"""

COLUMNS = """
select c.edition, c.revision, c.code, array_send(c.value) as value, array_send(c.status) as status,
       array_send(c.score) as score, array_send(c.rank) as rank, array_send(c.share) as share,
       array_send(c.estimated_share) as estimated_share, array_send(c.previous_score) as previous_score,
       array_send(c.previous_rank) as previous_rank, array_send(c.is_top_n) as is_top_n,
       array_send(c.is_first_top_n) as is_first_top_n, array_send(c.is_hidden_champion) as is_hidden_champion,
       array_send(c.points_to_next_rank) as points_to_next_rank
from unnest($1::integer[], $2::integer[]) as key (edition, revision)
join ranking_column c using (edition, revision)
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

Key = tuple[int, int]
"""Edition and revision."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the overall score and a category have besides; one element a city, NaN and rank 0 mean missing.

    The edition before and the Top N of all earlier ones come from computed rankings, printed facts where
    an edition has none.
    """

    previous_score: "NDArray[np.float64]"
    previous_rank: "NDArray[np.int32]"
    is_top_n: "NDArray[np.bool_]"
    is_first_top_n: "NDArray[np.bool_]"
    is_hidden_champion: "NDArray[np.bool_]"
    points_to_next_rank: "NDArray[np.float64]"


@dataclass(frozen=True, slots=True)
class Column:
    """The overall score (code `overall`) or one measure; every array has one element a city of the ranking.

    `value` is as recorded, on the measure's own scale, `status` a code of `db.score.STATUSES`, `score` 0-100,
    `share` the measure's effective share (0-1) of its parent's weight, `estimated_share` the share (0-1) of
    the score's weight that rests on estimates. NaN and rank 0 mean missing. Indicators and parameters have no
    `comparison`.
    """

    code: str
    value: "NDArray[np.float64]"
    status: "NDArray[np.int16]"
    score: "NDArray[np.float64]"
    rank: "NDArray[np.int32]"
    share: "NDArray[np.float64]"
    estimated_share: "NDArray[np.float64]"
    comparison: Comparison | None


@dataclass(frozen=True, slots=True)
class Ranking:
    """One snapshot: `cities` holds the slugs of the ranked cities, best first, equal ranks by slug.

    `columns` holds overall first, then the framework's measures in their order. `basis` is None for a ranking
    stored before migration 0003.
    """

    edition: int
    revision: int
    computed_at: datetime
    input_hash: str
    framework: Framework
    cities: tuple[str, ...]
    columns: tuple[Column, ...]
    basis: Basis | None

    def gives(self, other: "Ranking") -> bool:
        """Whether both have the same figures for the same cities, to the bit."""
        return self.cities == other.cities and all(
            _equal(*pair) for pair in zip(self.columns, other.columns, strict=True)
        )


def _equal(one: Column, other: Column) -> bool:
    pairs = [(getattr(one, name), getattr(other, name)) for name in FIGURES]
    if one.comparison is not None and other.comparison is not None:
        pairs += [(getattr(one.comparison, name), getattr(other.comparison, name)) for name in COMPARISON]
    same = (one.comparison is None) == (other.comparison is None)
    return (
        same
        and one.code == other.code
        and all(np.array_equal(*pair, equal_nan=pair[0].dtype.kind == "f") for pair in pairs)
    )


FIGURES = [field.name for field in fields(Column) if field.name not in ("code", "comparison")]
COMPARISON = [field.name for field in fields(Comparison)]


async def lock(writer: Writer, edition: int) -> None:
    """Wait to be the only one that computes this edition; held until *writer* ends."""
    await writer.execute(LOCK, edition)


async def save(writer: Writer, ranking: Ranking) -> None:
    """Store a snapshot; raises `asyncpg.UniqueViolationError` when (edition, revision) is stored already."""
    key = ranking.edition, ranking.revision
    await writer.execute(
        SAVE, *key, ranking.computed_at, ranking.input_hash,
        framework_rows.to_json(ranking.framework), list(ranking.cities),
        ranking.basis and asdict(ranking.basis),
    )  # fmt: skip
    rows = [(*key, position, *_row(column)) for position, column in enumerate(ranking.columns)]
    await writer.copy_to_table(
        "ranking_column",
        columns=["edition", "revision", "position", "code", *FIGURES, *COMPARISON],
        source=_each(array.copy_rows(rows)),
        format="binary",
    )


async def keys(reader: Reader, edition: int | None) -> list[Key]:
    """Every stored ranking of an edition, or of all, oldest first."""
    return [(row["edition"], row["revision"]) for row in await reader.fetch(KEYS, edition)]


async def prune(writer: Writer, years: list[int], keep: int) -> None:
    """Delete all but the newest *keep* rankings of each open edition, and those a later edition was compared with."""
    # Newest first: what only a deleted ranking was compared with goes too.
    for year in sorted(years, reverse=True):
        await writer.execute(PRUNE, year, keep)


def _row(column: Column) -> "list[str | NDArray[Any] | None]":
    compared = [getattr(column.comparison, name) if column.comparison else None for name in COMPARISON]
    return [column.code, *(getattr(column, name) for name in FIGURES), *compared]


async def _each(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def by_key(reader: Reader, keys: list[Key]) -> list[Ranking | None]:
    """The stored snapshot of each key, None where there is none; always two statements."""
    editions, revisions = [key[0] for key in keys], [key[1] for key in keys]
    rows = groupby(await reader.fetch(COLUMNS, editions, revisions), key=itemgetter("edition", "revision"))
    columns = {key: tuple(_columns(list(group))) for key, group in rows}
    found = {}
    for row in await reader.fetch(HEADERS, editions, revisions):
        key = row["edition"], row["revision"]
        framework = framework_rows.from_text(row["framework"])
        found[key] = Ranking(
            *key, row["computed_at"], row["input_hash"], framework, tuple(row["cities"]), columns[key],
            row["basis"] and Basis.from_json(row["basis"]),
        )  # fmt: skip
    return [found.get(key) for key in keys]


def _columns(rows: "list[asyncpg.Record]") -> Iterator[Column]:
    """The columns of one ranking."""
    compared = [row for row in rows if row[COMPARISON[0]] is not None]
    comparisons = (Comparison(**figures) for figures in _figures(compared, COMPARISON))
    for row, figures in zip(rows, _figures(rows, FIGURES), strict=True):
        comparison = None if row[COMPARISON[0]] is None else next(comparisons)
        yield Column(row["code"], **figures, comparison=comparison)


def _figures(rows: "list[asyncpg.Record]", names: list[str]) -> "Iterator[dict[str, NDArray[Any]]]":
    """The named arrays of each row."""
    decoded = [array.decode_rows([row[name] for row in rows]) for name in names]
    return (dict(zip(names, figures, strict=True)) for figures in zip(*decoded, strict=True))


async def revision_before(reader: Reader, keys: list[Key]) -> list[int | None]:
    """The newest ranked revision older than each key's, in key order."""
    return await _revisions(reader, REVISION_BEFORE, keys)


async def first_revision_from(reader: Reader, keys: list[Key]) -> list[int | None]:
    """The oldest ranked revision that is not older than each key's, in key order."""
    return await _revisions(reader, FIRST_FROM, keys)


async def _revisions(reader: Reader, query: str, keys: list[Key]) -> list[int | None]:
    rows = await reader.fetch(query, [key[0] for key in keys], [key[1] for key in keys])
    return [row[0] for row in rows]
