"""Rankings: immutable snapshots named by (edition, revision), computed, saved once and read back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import groupby, starmap
from operator import itemgetter
from typing import TYPE_CHECKING

import asyncpg
import numpy as np

from db.composite.framework import OVERALL, Framework
from db.index import framework as framework_rows
from db.postgres.pool import Reader
from db.ranking.column import COMPARED, OF_ALL, Column, Comparison, Figures, Ordered, Received
from db.ranking.inputs import Basis

if TYPE_CHECKING:
    from numpy.typing import NDArray

# What a ranking has once comes with its first column: a statement of its own would be waited for. The columns that it
# has in common with the ranking that is held do not come, nor do framework and cities where they are the same.
BY_KEY = """
select c.edition, c.revision, c.position, array_send(c.value) as value, array_send(c.status) as status,
       array_send(c.score) as score, array_send(c.rank) as rank, array_send(c.share) as share,
       array_send(c.estimated_share) as estimated_share, array_send(c.previous_score) as previous_score,
       array_send(c.previous_rank) as previous_rank, array_send(c.is_top_n) as is_top_n,
       array_send(c.is_first_top_n) as is_first_top_n, array_send(c.is_hidden_champion) as is_hidden_champion,
       array_send(c.points_to_next_rank) as points_to_next_rank,
       r.computed_at, r.input_hash, r.basis,
       case when r.basis -> 'definitions' = held.basis -> 'definitions' then null else r.framework::text end
           as framework,
       case when r.basis -> 'definitions' = held.basis -> 'definitions' then null else r.cities end as cities,
       (select max(b.revision) from ranking b where b.edition = r.edition and b.revision < r.revision)
           as revision_before
from unnest($1::integer[], $2::integer[]) as key (edition, revision)
join column_of_ranking c using (edition, revision)
left join ranking r on c.position = 0 and r.edition = c.edition and r.revision = c.revision
left join ranking held on held.edition = c.edition and held.revision = $3 and held.input_hash = $4
    and held.column_revisions is not null
where c.position = 0 or c.stored_revision is distinct from held.column_revisions[c.position + 1]
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

RankingKey = tuple[int, int]
"""Edition and revision."""


@dataclass(frozen=True)
class Ranking:
    """One snapshot, as it is computed and stored.

    `figures` has a row for overall and then for each of the framework's measures, `comparison` one for overall and
    then for each category, with an element for each of `members`, the slugs of the edition's cities in their order;
    `columns` has both for the ranked cities, best first. `basis` is None for a ranking stored before migration 0003,
    and one of before 0008 has no members that are not ranked. `revision_before` is that of the ranking stored before
    it, None for the first of an edition and for one that is not stored. `moved` has the positions of the columns that
    differ from those of the ranking that it was computed from, None when it was computed whole or read.
    """

    edition: int
    revision: int
    computed_at: datetime
    input_hash: str
    framework: Framework
    members: tuple[str, ...]
    figures: Figures
    comparison: Figures
    basis: Basis | None
    revision_before: int | None = None
    moved: frozenset[int] | None = None

    @cached_property
    def order(self) -> "NDArray[np.intp]":
        """Where the ranked cities are among the members: best first, equal ranks as the members are, by slug."""
        rank = self.figures["rank"][0]
        order = np.argsort(rank, kind="stable")
        return order[rank[order] > 0]

    @cached_property
    def cities(self) -> tuple[str, ...]:
        """The slugs of the ranked cities, best first, equal ranks by slug."""
        return tuple(self.members[place] for place in self.order.tolist())

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """Overall first, then the framework's measures in their order; see `db.ranking.column`."""
        figures, comparison = Ordered(self.figures, self.order), Ordered(self.comparison, self.order)
        compared = {row: Comparison(comparison, index) for index, row in enumerate(compared_rows(self.framework))}
        codes = enumerate((OVERALL, *self.framework.position))
        return tuple(Column(code, figures, row, compared.get(row)) for row, code in codes)

    def has_same_figures_as(self, other: "Ranking") -> bool:
        """Whether both have the same figures for the same cities, to the bit."""
        return (
            self.cities == other.cities
            and self.framework.position.keys() == other.framework.position.keys()
            and all(starmap(_alike, zip(self.columns, other.columns, strict=True)))
        )


@dataclass(frozen=True, slots=True)
class Baseline:
    """A stored ranking of which another one differs by what is recorded for the measures `changed`, by place.

    `column_revisions` has the revision that stored each of its columns.
    """

    ranking: Ranking
    column_revisions: list[int]
    changed: frozenset[int]


def compared_rows(framework: Framework) -> list[int]:
    """The rows of what is compared with other cities and earlier editions: overall and the categories."""
    return [0, *(1 + category for category in framework.categories)]


def _alike(one: Column, other: Column) -> bool:
    if (one.comparison is None) is not (other.comparison is None):
        return False
    pairs = [(getattr(one, name), getattr(other, name)) for name in OF_ALL]
    if one.comparison is not None:
        pairs += [(getattr(one.comparison, name), getattr(other.comparison, name)) for name in COMPARED]
    return all(np.array_equal(*pair, equal_nan=pair[0].dtype.kind == "f") for pair in pairs)


async def keys(reader: Reader, edition: int | None) -> list[RankingKey]:
    """Every stored ranking of an edition, or of all, oldest first."""
    return [(row["edition"], row["revision"]) for row in await reader.fetch(KEYS, edition)]


async def by_key(reader: Reader, keys: list[RankingKey], held: Ranking | None = None) -> list[Ranking | None]:
    """The stored snapshot of each key, None where there is none; always one statement.

    What a ranking has in common with *held*, one that was read before, is not read again.
    """
    known = (None, None) if held is None else (held.revision, held.input_hash)
    rows = await reader.fetch(BY_KEY, [key[0] for key in keys], [key[1] for key in keys], *known)
    found = {key: _ranking(list(group), held) for key, group in groupby(rows, key=itemgetter("edition", "revision"))}
    return [found.get(key) for key in keys]


def _ranking(rows: "list[asyncpg.Record]", held: Ranking | None) -> Ranking:
    """One ranking, of the rows of its columns; *held* has what was not sent."""
    head = rows[0]
    if held is None or head["framework"] is not None:
        framework, members = framework_rows.from_text(head["framework"]), tuple(head["cities"])
    else:
        framework, members = held.framework, held.members
    sent = {row["position"]: row for row in rows}

    def received(names: Sequence[str], positions: Sequence[int], before: Figures) -> Received:
        arrays = [sent.get(position) for position in positions]
        return Received({name: [None if row is None else row[name] for row in arrays] for name in names}, before)

    return Ranking(
        head["edition"], head["revision"], head["computed_at"], head["input_hash"], framework, members,
        received(OF_ALL, range(1 + len(framework.measures)), {} if held is None else held.figures),
        received(COMPARED, compared_rows(framework), {} if held is None else held.comparison),
        head["basis"] and Basis.from_json(head["basis"]), head["revision_before"],
    )  # fmt: skip


async def revision_before(reader: Reader, keys: list[RankingKey]) -> list[int | None]:
    """The newest ranked revision older than each key's, in key order."""
    return await _revisions(reader, REVISION_BEFORE, keys)


async def first_revision_from(reader: Reader, keys: list[RankingKey]) -> list[int | None]:
    """The oldest ranked revision that is not older than each key's, in key order."""
    return await _revisions(reader, FIRST_FROM, keys)


async def _revisions(reader: Reader, query: str, keys: list[RankingKey]) -> list[int | None]:
    rows = await reader.fetch(query, [key[0] for key in keys], [key[1] for key in keys])
    return [row[0] for row in rows]
