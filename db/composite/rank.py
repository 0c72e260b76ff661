"""Ranks of scores, and which scores are equal.

Sums of floats depend on their order: 0.1 + 0.2 + 0.3 and 0.3 + 0.2 + 0.1 differ in the last bit although the scores are
equal. Two scores are therefore equal when they differ by less than `RESOLUTION`, and so are scores that are joined by
such steps: with scores a, a + 0.6e-9 and a + 1.2e-9 all three share a rank. Everything that compares scores rests on
these ranks or on `differs`.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

# In points, far below what anybody prints and far above the noise of sums (1e-13).
RESOLUTION = 1e-9
# Values that are no scores are equal when they are the same number.
EXACT = float(np.finfo(np.float64).smallest_subnormal)
# What is worked on fits into a processor's own cache: 1,000 and 100,000 cities took a quarter as long again otherwise.
CACHED_ELEMENTS = 32 * 1024

F64: TypeAlias = NDArray[np.float64]
I32: TypeAlias = NDArray[np.int32]


def differs(one: F64, other: F64) -> NDArray[np.bool_]:
    """Whether two scores are not equal; NaN, a missing score, equals nothing but NaN."""
    unequal: NDArray[np.bool_] = (np.abs(one - other) >= RESOLUTION) | (np.isnan(one) != np.isnan(other))
    return unequal


def competition_rank(scores: F64, resolution: float = RESOLUTION) -> I32:
    """1 is best; equal scores share a rank and the next is skipped (1, 2, 2, 4).

    *scores* is (..., cities), higher is better; those that differ by less than *resolution* are equal. Returns the
    same shape, 0 where the score is missing.
    """
    ranks = np.zeros(scores.shape, dtype=np.int32)
    if scores.size:
        rows, ranked = scores.reshape(-1, scores.shape[-1]), ranks.reshape(-1, scores.shape[-1])
        step = rows_at_once(scores.shape[-1])
        for start in range(0, len(rows), step):
            ranked[start : start + step] = _ranks(rows[start : start + step], resolution)
    return ranks


def rows_at_once(length: int) -> int:
    """How many rows of some length to work on together."""
    return 1 + CACHED_ELEMENTS // max(length, 1)


def _ranks(scores: F64, resolution: float) -> I32:
    """Of some rows at once: numpy's functions along an axis take longer to begin than 83 elements take."""
    count, width = scores.shape
    missing = np.isnan(scores)
    # Not stable, and without NaN, which takes a sixth of the time: equal scores share a rank whatever their order.
    flat = np.argsort(np.where(missing, np.inf, -scores), axis=-1)
    flat += np.arange(0, scores.size, width)[:, np.newaxis]
    ordered = scores.reshape(-1)[flat]
    firsts = np.empty(ordered.shape, dtype=np.int32)
    firsts[:] = np.arange(1, width + 1)
    firsts[:, 1:][ordered[:, :-1] - ordered[:, 1:] < resolution] = 0
    ranks = np.empty(scores.size, dtype=np.int32)
    ranks[flat] = np.maximum.accumulate(firsts, axis=-1)
    ranks[missing.reshape(-1)] = 0
    return ranks.reshape(count, width)


def points_to_next_rank(scores: F64) -> F64:
    """Points missing to the lowest of the next better scores; NaN at rank 1 and where the score is missing.

    *scores* is (cities,). Returns (cities,).
    """
    present = ~np.isnan(scores)
    ordered = np.sort(scores[present])
    # The lowest of the scores that are equal to each other; a gap below it separates it from the next lower ones.
    lowest = ordered[np.concatenate(([True], np.diff(ordered) >= RESOLUTION))] if len(ordered) else ordered
    own = np.searchsorted(lowest, scores[present], side="right")
    gaps = np.full(scores.shape, np.nan)
    gaps[present] = np.append(lowest, np.nan)[own] - scores[present]
    return gaps
