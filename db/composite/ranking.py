"""The steps in order: normalise, aggregate level by level, rank, flag."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from db.composite.aggregation import present_weights, shares
from db.composite.composition import branches, compose, nominal_weights, recorded_scores
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
    weights = nominal_weights(framework)
    score = compose(framework, own, weights, framework.methodology.aggregation)
    share = np.full(score.shape, np.nan)
    estimated_share = np.full(score.shape, np.nan)
    estimated_share[1:] = np.where(np.isnan(own), np.nan, estimated)
    for row, children in branches(framework):
        rows = [1 + child for child in children]
        recorded = ~np.isnan(own[row - 1]) if row else np.zeros(score.shape[1], dtype=np.bool_)
        child_shares = shares(present_weights(score[rows], weights[list(children)]))
        share[rows] = np.where(np.isnan(score[rows]) | recorded, np.nan, child_shares)
        resting = np.zeros(score.shape[1])
        for child in rows:
            resting += np.where(share[child] > 0, share[child] * estimated_share[child], 0.0)
        aggregated = np.where(np.isnan(score[row]), np.nan, resting)
        estimated_share[row] = np.where(recorded, estimated_share[row], aggregated)
    return Scores(score, competition_rank(score), share, estimated_share)


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
