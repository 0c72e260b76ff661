"""Recorded values of parameters brought to 0-100 across the cities; one function a normalisation.

Each takes the values (..., cities) with NaN for missing, and the direction, and returns the same shape with NaN in the
same places. Where all values of a parameter are equal, min_max, rank and fraction_of_max give 100 to
everyone.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from db.composite.arithmetic import divide
from db.composite.framework import Direction, Normalisation
from db.composite.rank import EXACT, competition_rank

F64: TypeAlias = NDArray[np.float64]


def min_max(values: F64, direction: Direction) -> F64:
    """The worst value 0, the best 100, the others in proportion between them."""
    lowest, highest = _range(values)
    gained = values - lowest if direction is Direction.HIGHER_IS_BETTER else highest - values
    # The difference is divided before it is scaled: the best is then exactly 1, hence exactly 100.
    return _relative(values, divide(gained, highest - lowest) * 100, lowest < highest)


def rank(values: F64, direction: Direction) -> F64:
    """100 (N - rank) / (N - 1) among the N present values; equal values share the better rank."""
    lowest, highest = _range(values)
    ranks = competition_rank(values if direction is Direction.HIGHER_IS_BETTER else -values, EXACT)
    present = ranks > 0
    count = np.count_nonzero(present, axis=-1, keepdims=True)
    scores = (count - ranks) / np.maximum(count - 1, 1) * 100
    return _relative(values, np.where(present, scores, np.nan), lowest < highest)


def fraction_of_max(values: F64, direction: Direction) -> F64:
    """The share of the best value, value / highest or, where less is better, lowest / value; none is < 0."""
    lowest, highest = _range(values)
    if direction is Direction.HIGHER_IS_BETTER:
        return _relative(values, divide(values, highest) * 100, lowest < highest)
    # 0 of 0 is the best there is; with a best of 0 every other value is infinitely worse.
    shares: F64 = np.divide(lowest, values, out=np.where(values == 0, 1.0, np.nan), where=values > 0)
    return _relative(values, shares * 100, lowest < highest)


def none(values: F64, direction: Direction) -> F64:
    """The value itself, recorded on 0-100; 100 - value where less is better."""
    return values.copy() if direction is Direction.HIGHER_IS_BETTER else 100 - values


NORMALISE: dict[Normalisation, Callable[[F64, Direction], F64]] = {
    Normalisation.MIN_MAX: min_max,
    Normalisation.RANK: rank,
    Normalisation.FRACTION_OF_MAX: fraction_of_max,
    Normalisation.NONE: none,
}


def _range(values: F64) -> tuple[F64, F64]:
    """The lowest and highest of the present values, (..., 1), NaN where there is none."""
    return (
        np.fmin.reduce(values, axis=-1, keepdims=True, initial=np.nan),
        np.fmax.reduce(values, axis=-1, keepdims=True, initial=np.nan),
    )


def _relative(values: F64, scores: F64, differ: NDArray[np.bool_]) -> F64:
    """The scores; 100 for the values of a parameter that do not *differ*, (..., 1)."""
    return scores if differ.all() else np.where(differ, scores, np.where(np.isnan(values), np.nan, 100.0))
