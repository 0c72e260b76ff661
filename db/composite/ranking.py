"""The steps in order: normalise, aggregate level by level, rank, flag."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from db.composite.aggregation import AGGREGATE, present_weights, shares
from db.composite.framework import Direction, Framework, Level, Measure
from db.composite.normalisation import NORMALISE
from db.composite.rank import competition_rank

F64: TypeAlias = NDArray[np.float64]
I32: TypeAlias = NDArray[np.int32]
Flag: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Scores:
    """All arrays are (1 + measures, cities): row 0 is overall, row 1 + i the framework's measure i.

    `score` is 0-100, NaN missing. `rank` is 0 where the score is missing. `share` is a measure's share (0-1)
    of its parent's weight among the siblings present; NaN without a score and where the parent's value was
    recorded. `estimated_share` is the share (0-1) of the score's weight that rests on estimates, NaN without
    a score.
    """

    score: F64
    rank: I32
    share: F64
    estimated_share: F64


@dataclass(frozen=True, slots=True)
class Flags:
    """All arrays are (1 + categories, cities), overall first.

    `hidden_champion` says of overall: in at least one category.
    """

    top_n: Flag
    first_top_n: Flag
    hidden_champion: Flag


def build_scores(framework: Framework, values: F64, estimated: Flag) -> Scores:
    """The scores of every measure and overall, from the parameters up.

    *values* is (measures, cities) as recorded, each on its own scale, NaN where nothing is recorded;
    *estimated* (measures, cities) says which of them are estimates. A recorded indicator or category value
    stands in for the aggregate below it.
    """
    shape = len(framework.measures) + 1, values.shape[1]
    score, share, estimated_share = (np.full(shape, np.nan) for _ in range(3))
    for level in (Level.PARAMETER, Level.INDICATOR, Level.CATEGORY):
        for place, measure in enumerate(framework.measures):
            if measure.level is level:
                row = 1 + place
                _aggregate(framework, row, framework.children[place], score, share, estimated_share)
                _stand_in(framework, row, values[place], estimated[place], score, share, estimated_share)
    _aggregate(framework, 0, framework.categories, score, share, estimated_share)
    rank = np.array([competition_rank(row) for row in score], dtype=np.int32).reshape(shape)
    return Scores(score, rank, share, estimated_share)


def build_flags(framework: Framework, rank: I32, ever_top_n: Flag) -> Flags:
    """Who is in the Top N, who for the first time, and who is a Hidden Champion.

    *rank* is (1 + categories, cities), 0 missing; *ever_top_n*, of the same shape, says who was in the Top N
    of any earlier edition.
    """
    methodology = framework.methodology
    top_n = (rank >= 1) & (rank <= methodology.top_n)
    champion = (rank >= 1) & (rank <= methodology.hidden_champion_category_top_n)
    champion &= rank[0] > methodology.hidden_champion_overall_rank_worse_than
    champion[0] = champion[1:].any(axis=0)
    return Flags(top_n, top_n & ~ever_top_n, champion)


def _aggregate(
    framework: Framework, row: int, children: tuple[int, ...], score: F64, share: F64, estimated_share: F64
) -> None:
    """Fill *row* from the rows of its children, and their shares."""
    if not children:
        return
    rows = [1 + child for child in children]
    weights = np.array([framework.measures[child].weight for child in children])
    present = present_weights(score[rows], weights)
    score[row] = AGGREGATE[framework.methodology.aggregation](score[rows], present)
    share[rows] = np.where(np.isnan(score[rows]), np.nan, shares(present))
    resting = np.zeros(score.shape[1])
    for child in rows:
        resting += np.where(share[child] > 0, share[child] * estimated_share[child], 0.0)
    estimated_share[row] = np.where(np.isnan(score[row]), np.nan, resting)


def _stand_in(
    framework: Framework, row: int, values: F64, estimated: Flag, score: F64, share: F64, estimated_share: F64
) -> None:
    """Put what is recorded in place of the aggregate below it, which then has no share."""
    recorded = ~np.isnan(values)
    score[row] = np.where(recorded, _own_score(framework, framework.measures[row - 1], values), score[row])
    estimated_share[row] = np.where(recorded, estimated, estimated_share[row])
    for child in framework.children[row - 1]:
        share[1 + child, recorded] = np.nan


def _own_score(framework: Framework, measure: Measure, values: F64) -> F64:
    """Recorded values as scores: a parameter's are normalised, the others' divided by their maximum."""
    if measure.level is Level.PARAMETER:
        return NORMALISE[framework.normalisation_of(measure)](values, measure.direction)
    points = values / measure.maximum * 100
    return points if measure.direction is Direction.HIGHER_IS_BETTER else 100 - points
