"""Scores below a measure brought together: weighted means, one function an aggregation.

Each takes scores and weights, both (children, ...), the weight 0 where the score is missing, and returns (...), NaN
where no child with a weight is present. The last axis is the cities, one before it the draws of weights.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from db.composite.arithmetic import divide, sum_rows
from db.composite.framework import Aggregation

F64: TypeAlias = NDArray[np.float64]


def present_weights(scores: F64, weights: F64) -> F64:
    """The weights, which broadcast to the scores (children, ...); a missing child drops out with its."""
    return np.where(np.isnan(scores), 0.0, weights)


def shares(weights: F64) -> F64:
    """Each child's share (0-1) of the weights present, (children, ...); NaN where these sum to zero."""
    return divide(weights, sum_rows(weights))


def arithmetic_mean(scores: F64, weights: F64) -> F64:
    """The sum of weight times score over the sum of weights."""
    return np.minimum(divide(sum_rows(np.where(weights > 0, weights * scores, 0.0)), sum_rows(weights)), 100.0)


def geometric_mean(scores: F64, weights: F64) -> F64:
    """The product of score to the power of its weight's share; 0 as soon as one child with a weight is 0."""
    positive = (weights > 0) & (scores > 0)
    logarithms = np.log(scores, out=np.zeros_like(scores), where=positive)
    mean = np.exp(divide(sum_rows(weights * logarithms), sum_rows(weights)))
    zero = ((weights > 0) & (scores == 0)).any(axis=0)
    return np.minimum(np.where(zero, 0.0, mean), 100.0)


AGGREGATE: dict[Aggregation, Callable[[F64, F64], F64]] = {
    Aggregation.ARITHMETIC_MEAN: arithmetic_mean,
    Aggregation.GEOMETRIC_MEAN: geometric_mean,
}
