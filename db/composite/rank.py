"""Places in the order of scores. Ranks rest on unrounded scores; NaN has rank 0."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

F64: TypeAlias = NDArray[np.float64]
I32: TypeAlias = NDArray[np.int32]


def competition_rank(scores: F64) -> I32:
    """1 is best; equal scores share a rank and the next is skipped (1, 2, 2, 4).

    *scores* is (..., cities), higher is better. Returns the same shape, 0 where the score is missing.
    """
    order = np.argsort(-scores, axis=-1, kind="stable")
    ordered = np.take_along_axis(scores, order, axis=-1)
    differs = np.ones(scores.shape, dtype=np.bool_)
    differs[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    places = np.where(differs, np.arange(1, scores.shape[-1] + 1, dtype=np.int32), 0)
    ranks = np.empty(scores.shape, dtype=np.int32)
    np.put_along_axis(ranks, order, np.maximum.accumulate(places, axis=-1), axis=-1)
    ranks[np.isnan(scores)] = 0
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
