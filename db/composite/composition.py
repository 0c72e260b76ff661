"""From what is recorded to the scores of every measure and overall: the walk up the framework's tree."""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from db.composite.aggregation import AGGREGATE, present_weights
from db.composite.framework import REACHES_ZERO, Aggregation, Direction, Framework, Level, Normalisation
from db.composite.normalisation import NORMALISE
from db.composite.rank import rows_at_once

F64: TypeAlias = NDArray[np.float64]


def recorded_scores(framework: Framework, values: F64) -> F64:
    """Recorded values as scores 0-100, (measures, cities), NaN where nothing is recorded.

    *values* is (measures, cities), each on its measure's own scale: a parameter's are normalised across the
    cities, the others' divided by their maximum.
    """
    measures, lowest = framework.measures, framework.methodology.lowest
    scores = np.empty(values.shape)
    for direction in Direction:
        rows = [i for i, m in enumerate(measures) if m.level is not Level.PARAMETER and m.direction is direction]
        maximum = np.array([measures[row].maximum for row in rows], dtype=np.float64).reshape(-1, 1)
        scores[rows] = scale_score(values[rows], maximum, direction)
    for (normalisation, direction), rows in _parameters(framework).items():
        step = rows_at_once(values.shape[1])
        for start in range(0, len(rows), step):
            taken = rows[start : start + step]
            normalised = NORMALISE[normalisation](values[taken], direction)
            scores[taken] = (
                _raise_lowest(normalised, lowest) if lowest and normalisation in REACHES_ZERO else normalised
            )
    return scores


def _raise_lowest(scores: F64, lowest: float) -> F64:
    """Scores 0-100 as scores *lowest*-100."""
    return np.minimum(lowest + scores * (100 - lowest) / 100, 100.0)


def _parameters(framework: Framework) -> dict[tuple[Normalisation, Direction], list[int]]:
    """The parameters that are normalised alike: one at a time, 83 elements of each took a third of all the time."""
    alike = defaultdict(list)
    for row, measure in enumerate(framework.measures):
        if measure.level is Level.PARAMETER:
            alike[framework.normalisation_of(measure), measure.direction].append(row)
    return alike


def scale_score(values: F64, maximum: F64 | float, direction: Direction) -> F64:
    """Values recorded on scales of indicators or categories as scores 0-100, any shape that *maximum* broadcasts to."""
    points = values / maximum * 100
    return points if direction is Direction.HIGHER_IS_BETTER else 100 - points


def nominal_weights(framework: Framework) -> F64:
    """The framework's weights, (measures, 1)."""
    return np.array([measure.weight for measure in framework.measures], dtype=np.float64).reshape(-1, 1)


def compose(framework: Framework, own: F64, weights: F64, aggregation: Aggregation) -> F64:
    """The score of overall (row 0) and of every measure (row 1 + i), (1 + measures, ...), NaN where there is none.

    *own* is (measures, ...), the scores of what is recorded: one of an indicator or category stands in for the
    aggregate below it. *weights* is (measures, ...), broadcast against it. Equal columns have equal scores.
    """
    score = recorded_below_overall(own, weights)
    for _ in fill_upwards(framework, score, weights, aggregation):
        pass
    return score


def recorded_below_overall(own: F64, weights: F64) -> F64:
    """The scores before `fill_upwards`: what is recorded, below a row for overall."""
    rest = np.broadcast_shapes(own.shape[1:], weights.shape[1:])
    score = np.empty((1 + len(own), *rest))
    score[0] = np.nan
    score[1:] = own
    return score


class Step(NamedTuple):
    """A row that has measures below it: their rows, their scores and, of those that have one, their weights.

    `scores` and `weights` are (rows below, ...); a weight is 0 where the score is missing.
    """

    row: int
    below: list[int]
    scores: F64
    weights: F64


def fill_upwards(framework: Framework, score: F64, weights: F64, aggregation: Aggregation) -> Iterator[Step]:
    """Fill in the rows of *score* from the bottom up, and yield each step once its row is there."""
    for row, children in framework.branches:
        below = [1 + child for child in children]
        scores = score[below]
        present = present_weights(scores, weights[list(children)])
        mean = AGGREGATE[aggregation](scores, present)
        score[row] = np.where(np.isnan(score[row]), mean, score[row])
        yield Step(row, below, scores, present)
