"""Everything that a ranking is computed from, read at one instant."""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import orjson

from db import framework as framework_rows
from db import score
from db.composite.framework import OVERALL, Framework
from db.pool import Reader

if TYPE_CHECKING:
    from numpy.typing import NDArray

PREVIOUS_EDITION = "select max(year) from edition where year < $1"

NEWEST_COLUMNS = """
select c.code, r.cities, c.score, c.rank
from ranking r
join ranking_column c using (edition, revision)
where r.edition = $1
  and r.revision = (select max(revision) from ranking where edition = $1)
  and c.code = any($2)
"""

PRINTED = """
select coalesce(m.code, 'overall') as code, c.slug, p.score, p.rank
from published p
join city c on c.id = p.city_id
left join measure m on m.id = p.measure_id
where p.edition = $1
"""

EARLIER_TOP_N = """
select c.code, r.cities, c.is_top_n
from (select edition, max(revision) as revision from ranking where edition < $1 group by edition) newest
join ranking r using (edition, revision)
join ranking_column c using (edition, revision)
where c.code = any($2)
"""

EARLIER_PRINTED_TOP_N = """
select coalesce(m.code, 'overall') as code, c.slug
from published p
join edition e on e.year = p.edition
join city c on c.id = p.city_id
left join measure m on m.id = p.measure_id
where p.edition < $1 and p.rank <= e.top_n
"""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What one ranking of *edition* is computed from.

    `values` and `statuses` are (measures, cities), NaN and COMPUTED where nothing is recorded.
    The rest is (1 + categories, cities), overall first: score (NaN missing) and rank (0 missing) in the
    edition before, and whether the city was in the Top N of any earlier edition.
    """

    edition: int
    revision: int
    framework: Framework
    cities: tuple[str, ...]
    values: "NDArray[np.float64]"
    statuses: "NDArray[np.uint8]"
    previous_score: "NDArray[np.float64]"
    previous_rank: "NDArray[np.int32]"
    ever_top_n: "NDArray[np.bool_]"

    def hash(self) -> str:
        """SHA-256 over every input; equal for equal inputs whatever their revision."""
        digest = hashlib.sha256()
        digest.update(orjson.dumps([self.edition, framework_rows.to_json(self.framework), self.cities]))
        for array in (
            self.values, self.statuses, self.previous_score, self.previous_rank, self.ever_top_n,
        ):  # fmt: skip
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


async def read(reader: Reader, edition: int, revision: int) -> Inputs:
    """The inputs of an existing edition; *reader* must be one repeatable-read transaction."""
    [framework] = await framework_rows.by_edition(reader, [edition])
    measures = await score.measure_ids(reader, edition)
    members = await score.member_ids(reader, edition)
    values, statuses = await score.matrix(reader, edition, measures, members)
    history = _History(
        [OVERALL, *(framework.measures[category].code for category in framework.categories)], list(members)
    )
    await history.read_previous(reader, edition)
    await history.read_top_n(reader, edition)
    return Inputs(
        edition, revision, framework, tuple(members), values, statuses,
        history.previous_score, history.previous_rank, history.ever_top_n,
    )  # fmt: skip


class _History:
    """What earlier editions say about the cities of this one, by code and city."""

    def __init__(self, codes: list[str], cities: list[str]) -> None:
        self.codes = codes
        self.row = {code: index for index, code in enumerate(codes)}
        self.column = {city: index for index, city in enumerate(cities)}
        shape = len(codes), len(cities)
        self.previous_score = np.full(shape, np.nan)
        self.previous_rank = np.zeros(shape, dtype=np.int32)
        self.ever_top_n = np.zeros(shape, dtype=np.bool_)

    async def read_previous(self, reader: Reader, edition: int) -> None:
        """Fill in the edition before: its computed ranking or, where it has none, what was printed."""
        previous = await reader.fetchval(PREVIOUS_EDITION, edition)
        columns = await reader.fetch(NEWEST_COLUMNS, previous, self.codes)
        for code, cities, scores, ranks in columns:
            for city, points, rank in zip(cities, scores, ranks, strict=True):
                self._set_previous(code, city, points, rank)
        if not columns:
            for row in await reader.fetch(PRINTED, previous):
                self._set_previous(*row)

    async def read_top_n(self, reader: Reader, edition: int) -> None:
        """Mark every city that an earlier edition had in its Top N, computed or printed."""
        for code, cities, flags in await reader.fetch(EARLIER_TOP_N, edition, self.codes):
            for city, flag in zip(cities, flags, strict=True):
                if flag and city in self.column:
                    self.ever_top_n[self.row[code], self.column[city]] = True
        for code, city in await reader.fetch(EARLIER_PRINTED_TOP_N, edition):
            if code in self.row and city in self.column:
                self.ever_top_n[self.row[code], self.column[city]] = True

    def _set_previous(self, code: str, city: str, points: float | None, rank: int | None) -> None:
        if code in self.row and city in self.column:
            place = self.row[code], self.column[city]
            self.previous_score[place] = np.nan if points is None else points
            self.previous_rank[place] = rank or 0
