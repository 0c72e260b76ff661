"""Everything that a ranking is computed from, read at one instant."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from db.composite.framework import OVERALL, Framework
from db.index import definition as definitions
from db.index import edition as edition_rows
from db.index import framework as framework_rows
from db.index import score
from db.index.definition import Definition
from db.index.edition import EditionProgress
from db.index.score import STATUS_CODE, ValueStatus
from db.postgres import array
from db.postgres.pool import Reader

if TYPE_CHECKING:
    from numpy.typing import NDArray

# What inputs and figures depend on beside what is stored: raise FORM with every change of the hash or of the maths.
FORM = 3
VERSION = f"{FORM}, numpy {np.__version__}"

# A code that was an indicator then and is a category now had no Top N, and is not compared with.
STANDINGS = """
select c.edition, c.code, array_send(c.score) as score, array_send(c.rank) as rank, array_send(c.is_top_n) as is_top_n
from unnest($1::integer[], $2::integer[]) as key (edition, revision)
join column_of_ranking c using (edition, revision)
where c.code = any($3) and c.is_top_n is not null
"""

RANKED_CITIES = """
select r.edition, r.cities
from unnest($1::integer[], $2::integer[]) as key (edition, revision)
join ranking r using (edition, revision)
"""


@dataclass(frozen=True, slots=True)
class Basis:
    """What a ranking rests on beside the scores of its edition, by year, oldest first.

    `definitions` has the id of the definition of each edition up to its own, `rankings` the revision of the ranking
    of each earlier edition that had one. `version` names the hash, the maths and the numpy that computed it, None for
    a ranking that was stored before versions were.
    """

    definitions: dict[int, int]
    rankings: dict[int, int]
    version: str | None = VERSION

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "Basis":
        """The basis whose `asdict` was kept as JSON."""
        definitions, rankings = (
            {int(year): number for year, number in stored[name].items()} for name in ("definitions", "rankings")
        )
        return cls(definitions, rankings, stored.get("version"))


@dataclass(frozen=True, slots=True)
class Inputs:
    """What one ranking of *edition* is computed from.

    `values` and `statuses` are (measures, cities), NaN and COMPUTED where nothing is recorded.
    The rest is (1 + categories, cities), overall first: score (NaN missing) and rank (0 missing) in the
    edition before, and whether the city was in the Top N of any earlier edition.
    """

    edition: int
    revision: int
    basis: Basis
    framework: Framework
    cities: tuple[str, ...]
    values: "NDArray[np.float64]"
    statuses: "NDArray[np.uint8]"
    previous_score: "NDArray[np.float64]"
    previous_rank: "NDArray[np.int32]"
    ever_top_n: "NDArray[np.bool_]"

    def with_scores(self, scores: Iterable[tuple[str, str, float | None, ValueStatus]]) -> "Inputs":
        """These inputs with other scores: measure, city, value and status of each; None where nothing is recorded."""
        values, statuses = self.values.copy(), self.statuses.copy()
        column = {city: index for index, city in enumerate(self.cities)}
        for measure, city, value, status in scores:
            place = self.framework.position[measure], column[city]
            values[place] = np.nan if value is None else value
            statuses[place] = STATUS_CODE[ValueStatus.COMPUTED if value is None else status]
        return replace(self, values=values, statuses=statuses)

    def hash(self) -> str:
        """SHA-256 over every input; equal for equal inputs whatever their revision."""
        digest = hashlib.sha256()
        digest.update(orjson.dumps([self.edition, framework_rows.to_json(self.framework), self.cities]))
        for figures in (
            self.values, self.statuses, self.previous_score, self.previous_rank, self.ever_top_n,
        ):  # fmt: skip
            digest.update(np.ascontiguousarray(figures).reshape(-1).data)
        return digest.hexdigest()


async def read(reader: Reader, edition: int, revision: int) -> Inputs:
    """The newest inputs of an existing edition; *reader* must be one repeatable-read transaction."""
    basis = newest_basis(await edition_rows.states(reader), edition)
    return await read_on(reader, edition, revision, basis)


async def read_on(reader: Reader, edition: int, revision: int, basis: Basis) -> Inputs:
    """As `read`, on the newest *basis*."""
    return await _read(reader, edition, revision, basis, None)


async def read_again(reader: Reader, edition: int, revision: int, basis: Basis) -> Inputs:
    """The inputs as they were at a revision: scores from the audit trail, all else from the basis."""
    return await _read(reader, edition, revision, basis, revision)


def newest_basis(states: list[EditionProgress], edition: int) -> Basis:
    """What a ranking of *edition* rests on when editions stand so, oldest first; no draft is compared with."""
    known = [state for state in states if state.year == edition or (state.year < edition and state.is_published)]
    return Basis(
        {state.year: state.definition for state in known},
        {state.year: state.ranked_revision for state in known[:-1] if state.ranked_revision is not None},
    )


async def _read(reader: Reader, edition: int, revision: int, basis: Basis, as_of: int | None) -> Inputs:
    *earlier, own = await definitions.by_id(reader, list(basis.definitions.values()))
    framework, cities = own.framework, list(own.members)
    measures = await score.measure_ids(reader, edition)
    members = await score.member_ids(reader, edition)
    values, statuses = await score.matrix(
        reader,
        edition,
        {code: measures[code] for code in framework.position},
        {city: members[city] for city in cities},
        as_of,
    )
    history = _History([OVERALL, *(framework.measures[category].code for category in framework.categories)], cities)
    standings = await _standings(reader, basis.rankings, history.codes)
    for definition in earlier:
        history.add_top_n(definition, standings.get(definition.edition, []))
    if earlier:
        history.set_previous(earlier[-1], standings.get(earlier[-1].edition, []))
    return Inputs(
        edition, revision, basis, framework, tuple(cities), values, statuses,
        history.previous_score, history.previous_rank, history.ever_top_n,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Standing:
    """A column of an earlier ranking that has flags; each array has one element a city of `cities`."""

    code: str
    cities: list[str]
    score: "NDArray[np.float64]"
    rank: "NDArray[np.int32]"
    is_top_n: "NDArray[np.bool_]"


async def _standings(reader: Reader, rankings: dict[int, int], codes: list[str]) -> dict[int, list[_Standing]]:
    """Those of each ranked edition, by year."""
    years, revisions = list(rankings), list(rankings.values())
    cities = {row["edition"]: row["cities"] for row in await reader.fetch(RANKED_CITIES, years, revisions)}
    found = defaultdict(list)
    for year, code, *figures in await reader.fetch(STANDINGS, years, revisions, codes):
        found[year].append(_Standing(code, cities[year], *map(array.decode, figures)))
    return found


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

    def set_previous(self, definition: Definition, standings: list[_Standing]) -> None:
        """Fill in the edition before: its computed ranking or, where it has none, what was printed."""
        known, columns = self._members(standings)
        for standing in standings:
            row = self.row[standing.code]
            self.previous_score[row, columns] = standing.score[known]
            self.previous_rank[row, columns] = standing.rank[known]
        for fact in definition.published if not standings else ():
            code = fact.category or OVERALL
            if code in self.row and fact.city in self.column:
                place = self.row[code], self.column[fact.city]
                self.previous_score[place] = np.nan if fact.score is None else fact.score
                self.previous_rank[place] = fact.rank or 0

    def add_top_n(self, definition: Definition, standings: list[_Standing]) -> None:
        """Mark every city that an earlier edition had in its Top N, computed or printed."""
        known, columns = self._members(standings)
        for standing in standings:
            self.ever_top_n[self.row[standing.code], columns] |= standing.is_top_n[known]
        top_n = definition.framework.methodology.top_n
        for fact in definition.published:
            code = fact.category or OVERALL
            if fact.rank is not None and fact.rank <= top_n and code in self.row and fact.city in self.column:
                self.ever_top_n[self.row[code], self.column[fact.city]] = True

    def _members(self, standings: list[_Standing]) -> "tuple[NDArray[np.intp], NDArray[np.intp]]":
        """Where the cities of an earlier ranking that this edition has too are, in that ranking and here."""
        shared = [
            (place, self.column[city])
            for overall in standings
            if overall.code == OVERALL
            for place, city in enumerate(overall.cities)
            if overall.rank[place] and city in self.column
        ]
        known, columns = np.array(shared, dtype=np.intp).reshape(-1, 2).T
        return known, columns
