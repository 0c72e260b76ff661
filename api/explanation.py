"""Why a city stands where it stands in a ranking, and what would move it."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from api.snapshot import Snapshot
from db.composite.explanation import Raise, smallest_raise
from db.composite.framework import OVERALL, Aggregation, Measure


class GoalKind(StrEnum):
    """What a city may reach."""

    NEXT_RANK = "next_rank"
    TOP_TEN = "top_ten"
    CATEGORY_TOP_TEN = "category_top_ten"


@dataclass(frozen=True, slots=True)
class Goal:
    """`points` are missing in the score of `code` to reach it, 0 when it is reached; `raise_` None: no one does."""

    kind: GoalKind
    code: str
    points: float
    raise_: Raise | None


@dataclass(frozen=True, slots=True)
class Part:
    """What one indicator adds to a city's scores, with the best and median `score` of the ranked cities.

    None where something is missing, and both contributions for a geometric mean, which does not add.
    """

    indicator: Measure
    to_category: float | None
    to_overall: float | None
    score: float | None
    best: float | None
    median: float | None


def goals(snapshot: Snapshot, place: int) -> Iterator[Goal]:
    """The next rank, the Top N, and the Top N of each category in which the city has a score."""
    above = snapshot.next_better(OVERALL, place)
    if above is not None:
        yield _goal(snapshot, place, GoalKind.NEXT_RANK, OVERALL, snapshot.overall.score[above])
    yield _goal(snapshot, place, GoalKind.TOP_TEN, OVERALL, top_n_score(snapshot, OVERALL))
    framework = snapshot.ranking.framework
    for category in framework.categories:
        code = framework.measures[category].code
        if snapshot.column[code].score[place] is not None:
            yield _goal(snapshot, place, GoalKind.CATEGORY_TOP_TEN, code, top_n_score(snapshot, code))


def top_n_score(snapshot: Snapshot, code: str) -> float:
    """The score that makes the Top N, overall or in a category with scores."""
    flags = snapshot.comparison(code).is_top_n
    return min(
        points for points, flag in zip(snapshot.column[code].score, flags, strict=True) if flag and points is not None
    )


def parts(snapshot: Snapshot, place: int) -> Iterator[Part]:
    """Every indicator of the framework, in published order."""
    framework = snapshot.ranking.framework
    adds = framework.methodology.aggregation is Aggregation.ARITHMETIC_MEAN
    for category in framework.categories:
        share = snapshot.column[framework.measures[category].code].share[place]
        for indicator in framework.children[category]:
            measure = framework.measures[indicator]
            column = snapshot.column[measure.code]
            own, own_share = column.score[place], column.share[place]
            to_category = None if not adds or own is None or own_share is None else own * own_share
            to_overall = None if to_category is None or share is None else to_category * share
            scores = [points for points in column.score if points is not None]
            best, median = (max(scores), float(np.median(scores))) if scores else (None, None)
            yield Part(measure, to_category, to_overall, own, best, median)


def _goal(snapshot: Snapshot, place: int, kind: GoalKind, code: str, target: float | None) -> Goal:
    own = snapshot.column[code].score[place]
    assert own is not None, "a goal is for a city with a score"
    assert target is not None, "only cities with a score are ahead"
    if own >= target:
        return Goal(kind, code, 0.0, None)
    columns = snapshot.ranking.columns
    scores = np.array([column.score[place] for column in columns], dtype=np.float64)
    recorded = np.array([column.value[place] is not None for column in columns[1:]])
    return Goal(kind, code, target - own, smallest_raise(snapshot.ranking.framework, scores, recorded, code, target))
