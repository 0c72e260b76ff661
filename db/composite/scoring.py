"""The steps in order: normalise, aggregate level by level, rank, flag."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from db.composite.aggregation import shares
from db.composite.arithmetic import sum_rows
from db.composite.composition import fill_upwards, nominal_weights, recorded_below_overall, recorded_scores
from db.composite.framework import Framework
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
    own = recorded_scores(framework, values)
    score, share, estimated_share = aggregate(framework, own, np.where(np.isnan(own), np.nan, estimated))
    return Scores(score, competition_rank(score), share, estimated_share)


def aggregate(framework: Framework, own: F64, own_estimated_share: F64) -> tuple[F64, F64, F64]:
    """Score, share and estimated share, as `Scores` has them, from the scores of what is recorded.

    *own* and *own_estimated_share* are (measures, cities), NaN where nothing is recorded.
    """
    is_recorded = ~np.isnan(own)
    weights = nominal_weights(framework)
    score = recorded_below_overall(own, weights)
    share = np.full(score.shape, np.nan)
    estimated_share = recorded_below_overall(own_estimated_share, weights)
    for row, below, scores, present in fill_upwards(framework, score, weights, framework.methodology.aggregation):
        own_shares = np.where(np.isnan(scores), np.nan, shares(present))
        estimates = sum_rows(np.where(own_shares > 0, own_shares * estimated_share[below], 0.0))
        estimates[np.isnan(score[row])] = np.nan
        if row and is_recorded[row - 1].any():
            own_shares[:, is_recorded[row - 1]] = np.nan
            estimates = np.where(is_recorded[row - 1], estimated_share[row], estimates)
        share[below] = own_shares
        estimated_share[row] = estimates
    return score, share, estimated_share


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
