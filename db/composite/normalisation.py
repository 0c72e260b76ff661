"""Recorded values of one parameter brought to 0-100 across the cities; one function a normalisation.

Each takes the values (cities,) with NaN for missing, and the direction, and returns (cities,) with NaN in the
same places. Where all values are equal the relative ones give 100 to everyone.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from db.composite.framework import Direction, Normalisation
from db.composite.rank import competition_rank

F64: TypeAlias = NDArray[np.float64]


def min_max(values: F64, direction: Direction) -> F64:
    """The worst value 0, the best 100, the others in proportion between them."""
    lowest, highest = _range(values)
    if not lowest < highest:
        return _constant(values)
    gained = values - lowest if direction is Direction.HIGHER_IS_BETTER else highest - values
    # The difference is divided before it is scaled: the best is then exactly 1, hence exactly 100.
    scores: F64 = gained / (highest - lowest) * 100
    return scores


def rank(values: F64, direction: Direction) -> F64:
    """100 (N - rank) / (N - 1) among the N present values; equal values share the better rank."""
    lowest, highest = _range(values)
    if not lowest < highest:
        return _constant(values)
    ranks = competition_rank(values if direction is Direction.HIGHER_IS_BETTER else -values)
    present = ranks > 0
    count = np.count_nonzero(present)
    return np.where(present, (count - ranks) / (count - 1) * 100, np.nan)


def fraction_of_max(values: F64, direction: Direction) -> F64:
    """The share of the best value, value / highest or, where less is better, lowest / value; none is < 0."""
    lowest, highest = _range(values)
    if not lowest < highest:
        return _constant(values)
    if direction is Direction.HIGHER_IS_BETTER:
        scores: F64 = values / highest * 100
        return scores
    # 0 of 0 is the best there is; with a best of 0 every other value is infinitely worse.
    shares: F64 = np.divide(lowest, values, out=np.where(values == 0, 1.0, np.nan), where=values > 0)
    return shares * 100


def none(values: F64, direction: Direction) -> F64:
    """The value itself, recorded on 0-100; 100 - value where less is better."""
    return values.copy() if direction is Direction.HIGHER_IS_BETTER else 100 - values


NORMALISE: dict[Normalisation, Callable[[F64, Direction], F64]] = {
    Normalisation.MIN_MAX: min_max,
    Normalisation.RANK: rank,
    Normalisation.FRACTION_OF_MAX: fraction_of_max,
    Normalisation.NONE: none,
}


def _range(values: F64) -> tuple[float, float]:
    """The lowest and highest of the present values, NaN where there is none."""
    return (np.fmin.reduce(values), np.fmax.reduce(values)) if values.size else (np.nan, np.nan)


def _constant(values: F64) -> F64:
    return np.where(np.isnan(values), np.nan, 100.0)
