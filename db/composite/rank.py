"""Places in the order of scores. Ranks rest on unrounded scores; NaN has rank 0."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

F64: TypeAlias = NDArray[np.float64]
I32: TypeAlias = NDArray[np.int32]


def competition_rank(scores: F64) -> I32:
    """1 is best; equal scores share a rank and the next is skipped (1, 2, 2, 4).

    *scores* is (cities,), higher is better. Returns (cities,), 0 where the score is missing.
    """
    present = ~np.isnan(scores)
    ordered = np.sort(scores[present])
    better = ordered.size - np.searchsorted(ordered, scores[present], side="right")
    ranks = np.zeros(scores.shape, dtype=np.int32)
    ranks[present] = better + 1
    return ranks


def points_to_next_rank(scores: F64) -> F64:
    """Points missing to the next better score; NaN at rank 1 and where the score is missing.

    *scores* is (cities,). Returns (cities,).
    """
    present = ~np.isnan(scores)
    distinct = np.unique(scores[present])
    following = np.searchsorted(distinct, scores[present], side="right")
    padded = np.append(distinct, np.nan)
    gaps = np.full(scores.shape, np.nan)
    gaps[present] = padded[following] - scores[present]
    return gaps
