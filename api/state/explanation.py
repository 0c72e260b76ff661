"""Why a city stands where it stands in a ranking, and what would move it."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from api.state.snapshot import Snapshot
from db.composite.framework import OVERALL, Measure
from db.composite.rank import RESOLUTION
from db.composite.smallest_raise import Raise, smallest_raises


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
    scores = np.array([column.score[place] for column in columns])
    recorded = ~np.isnan([column.value[place] for column in columns[1:]])
    raises = iter(smallest_raises(snapshot.ranking.framework, scores, recorded, missing))
    return [Goal(kind, code, points, next(raises) if points > 0 else None) for kind, code, _, points in aims]


def _aims(snapshot: Snapshot, place: int) -> Iterator[tuple[GoalKind, str, float, float]]:
    """Kind, code, the score that it takes, and the points missing to that, 0 when there are none."""
    framework = snapshot.ranking.framework
    codes = [framework.measures[category].code for category in framework.categories]
    wanted = [(GoalKind.TOP_TEN, OVERALL), *((GoalKind.CATEGORY_TOP_TEN, code) for code in codes)]
    scored = [(kind, code) for kind, code in wanted if snapshot.standings[code].score[place] is not None]
    targets = [(kind, code, top_n_score(snapshot, code)) for kind, code in scored]
    above = snapshot.overall.next_better(place)
    if above is not None:
        targets.insert(0, (GoalKind.NEXT_RANK, OVERALL, snapshot.overall.score[above] or 0.0))
    for kind, code, target in targets:
        yield kind, code, target, _missing(target, snapshot.standings[code].score[place] or 0.0)


def _missing(target: float, score: float) -> float:
    """Points from a score to a target; 0 when they are equal."""
    return 0.0 if target - score < RESOLUTION else target - score


def top_n_score(snapshot: Snapshot, code: str) -> float:
    """The score that makes the Top N, overall or in a category with scores."""
    found = snapshot.standings[code]
    return min(points for points, flag in zip(found.score, found.is_top_n, strict=True) if flag and points is not None)


def parts(snapshot: Snapshot, place: int) -> Iterator[Part]:
    """Every indicator of the framework, in published order."""
    framework = snapshot.ranking.framework
    for category in framework.categories:
        share = snapshot.standings[framework.measures[category].code].share[place]
        for indicator in framework.children[category]:
            measure = framework.measures[indicator]
            found = snapshot.standings[measure.code]
            to_category = found.contribution[place]
            to_overall = None if to_category is None or share is None else to_category * share
            scores = [points for points in found.score if points is not None]
            best, median = (max(scores), float(np.median(scores))) if scores else (None, None)
            yield Part(measure, to_category, to_overall, found.score[place], best, median)
