"""Why a city stands where it stands in a ranking, and what would move it."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from api.snapshot import Snapshot
from db.composite.explanation import Raise, smallest_raises
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


def goals(snapshot: Snapshot, place: int) -> list[Goal]:
    """The next rank, the Top N, and the Top N of each category in which the city has a score."""
    aims = list(_aims(snapshot, place))
    missing = [(code, target) for _, code, target, points in aims if points > 0]
    columns = snapshot.ranking.columns
    scores = np.array([column.score[place] for column in columns], dtype=np.float64)
    recorded = np.array([column.value[place] is not None for column in columns[1:]])
    raises = iter(smallest_raises(snapshot.ranking.framework, scores, recorded, missing))
    return [Goal(kind, code, points, next(raises) if points > 0 else None) for kind, code, _, points in aims]


def _aims(snapshot: Snapshot, place: int) -> Iterator[tuple[GoalKind, str, float, float]]:
    """Kind, code, the score that it takes, and the points missing to that, 0 when there are none."""
    framework = snapshot.ranking.framework
    codes = [framework.measures[category].code for category in framework.categories]
    wanted = [(GoalKind.TOP_TEN, OVERALL), *((GoalKind.CATEGORY_TOP_TEN, code) for code in codes)]
    scored = [(kind, code) for kind, code in wanted if snapshot.column[code].score[place] is not None]
    targets = [(kind, code, top_n_score(snapshot, code)) for kind, code in scored]
    above = snapshot.next_better(OVERALL, place)
    if above is not None:
        targets.insert(0, (GoalKind.NEXT_RANK, OVERALL, snapshot.overall.score[above] or 0.0))
    for kind, code, target in targets:
        yield kind, code, target, max(0.0, target - (snapshot.column[code].score[place] or 0.0))


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
