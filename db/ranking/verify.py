"""Compares what was printed with what is computed."""

from dataclasses import dataclass

import numpy as np

from db.composite.framework import OVERALL
from db.index import edition, published
from db.index.published import Published
from db.postgres.pool import Reader
from db.ranking import ranking
from db.ranking.ranking import Ranking


@dataclass(frozen=True, slots=True)
class Difference:
    """A printed figure that the computed ranking does not give; `computed` None means that it has none."""

    edition: int
    city: str
    code: str
    figure: str
    printed: float
    computed: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """How many printed lines were compared, and every difference."""

    editions: tuple[int, ...]
    line_count: int
    differences: tuple[Difference, ...]


async def verify(reader: Reader, year: int | None) -> Report:
    """Compare every printed line of the editions that have a ranking, or of one.

    Raises `LookupError` when *year* has no ranking.
    """
    states = {state.year: state.ranked_revision for state in await edition.states(reader)}
    keys = [(found, revision) for found, revision in states.items() if revision and year in (None, found)]
    if year is not None and not keys:
        raise LookupError(f"edition {year} has no ranking" if year in states else f"there is no edition {year}")
    rankings = {found.edition: found for found in await ranking.by_key(reader, keys) if found}
    lines = [line for line in await published.all_published(reader) if line.edition in rankings]
    differences = [difference for line in lines for difference in _compare(line, rankings[line.edition])]
    return Report(tuple(rankings), len(lines), tuple(differences))


def _compare(line: Published, computed: Ranking) -> list[Difference]:
    """The figures of one printed line that differ; a tendency counts when the rank before is known."""
    code = line.category or OVERALL
    column = next(column for column in computed.columns if column.code == code)
    place = computed.cities.index(line.city) if line.city in computed.cities else None
    score = rank = previous = None
    if place is not None and column.comparison is not None:
        score = None if np.isnan(column.score[place]) else float(column.score[place])
        rank, previous = int(column.rank[place]) or None, int(column.comparison.previous_rank[place]) or None
    found = []
    if line.score is not None and not published.agrees_in_score(line, score):
        found.append(("score", line.score, score))
    if line.rank is not None and rank != line.rank:
        found.append(("rank", line.rank, rank))
    tendency = None if previous is None or rank is None else previous - rank
    if line.tendency is not None and tendency not in (None, line.tendency):
        found.append(("tendency", line.tendency, tendency))
    return [Difference(line.edition, line.city, code, *figures) for figures in found]
