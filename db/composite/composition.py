"""From what is recorded to the scores of every measure and overall: the walk up the framework's tree."""

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from db.composite.aggregation import AGGREGATE, present_weights
from db.composite.framework import Aggregation, Direction, Framework, Level, Measure
from db.composite.normalisation import NORMALISE

F64: TypeAlias = NDArray[np.float64]


def recorded_scores(framework: Framework, values: F64) -> F64:
    """Recorded values as scores 0-100, (measures, cities), NaN where nothing is recorded.

    *values* is (measures, cities), each on its measure's own scale: a parameter's are normalised across the
    cities, the others' divided by their maximum.
    """
    scores = [_own_score(framework, measure, row) for measure, row in zip(framework.measures, values, strict=True)]
    return np.array(scores, dtype=np.float64).reshape(values.shape)


def scale_score(measure: Measure, values: F64) -> F64:
    """Values recorded on the scale of an indicator or category as scores 0-100, any shape."""
    points = values / measure.maximum * 100
    return points if measure.direction is Direction.HIGHER_IS_BETTER else 100 - points


def nominal_weights(framework: Framework) -> F64:
    """The framework's weights, (measures, 1)."""
    return np.array([measure.weight for measure in framework.measures], dtype=np.float64).reshape(-1, 1)


def compose(framework: Framework, own: F64, weights: F64, aggregation: Aggregation) -> F64:
    """The score of overall (row 0) and of every measure (row 1 + i), (1 + measures, ...), NaN where there is none.

    *own* is (measures, ...), the scores of what is recorded: one of an indicator or category stands in for the
    aggregate below it. *weights* is (measures, ...), broadcast against it. Equal columns have equal scores.
    """
    rest = np.broadcast_shapes(own.shape[1:], weights.shape[1:])
    score = np.full((1 + len(framework.measures), *rest), np.nan)
    score[1:] = own
    for row, children in branches(framework):
        below = score[[1 + child for child in children]]
        mean = AGGREGATE[aggregation](below, present_weights(below, weights[list(children)]))
        score[row] = np.where(np.isnan(score[row]), mean, score[row])
    return score


def branches(framework: Framework) -> Iterator[tuple[int, tuple[int, ...]]]:
    """The row of everything that has measures below it, with their indices, from the bottom up."""
    for level in (Level.INDICATOR, Level.CATEGORY):
        for place, measure in enumerate(framework.measures):
            if measure.level is level and framework.children[place]:
                yield 1 + place, framework.children[place]
    if framework.categories:
        yield 0, framework.categories


def _own_score(framework: Framework, measure: Measure, values: F64) -> F64:
    if measure.level is Level.PARAMETER:
        return NORMALISE[framework.normalisation_of(measure)](values, measure.direction)
    return scale_score(measure, values)
