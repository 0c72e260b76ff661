"""Why a city stands where it stands, and what would move it: one indicator raised, everything else unchanged."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from db.composite.composition import compose, nominal_weights, scale_score
from db.composite.framework import Direction, Framework, Level, Measure

F64: TypeAlias = NDArray[np.float64]

# Halvings of the way from an indicator's score to 100: the raise found is the smallest within 1e-10 points.
HALVINGS = 40


@dataclass(frozen=True, slots=True)
class Raise:
    """Recording `value` for one indicator, on its own scale, brings it from `old_score` to `new_score` (0-100)."""

    code: str
    value: float
    old_score: float
    new_score: float


def smallest_raises(
    framework: Framework, score: F64, recorded: F64, goals: Sequence[tuple[str, float]]
) -> list[Raise | None]:
    """For each goal the single indicator whose score must rise least to reach it.

    A goal is a code, `overall` or a category's, and the score that it must have. *score* (1 + measures,) holds one
    city's scores, overall first; *recorded* (measures,) is True where the city's value was recorded: what stands below
    a recorded category cannot move it. Indicators without a score are not considered. None when no single indicator
    reaches the goal. Of equal raises the first in published order.
    """
    upper, places = _without_parameters(framework)
    own = _own(upper, score[1:][places], recorded[places])
    candidates = [
        place
        for place, measure in enumerate(upper.measures)
        if measure.level is Level.INDICATOR and not np.isnan(own[place]) and own[place] < 100
    ]
    if not goals or not candidates:
        return [None] * len(goals)
    rows = np.array([1 + upper.position[code] if code in upper.position else 0 for code, _ in goals])
    targets = np.array([target for _, target in goals])
    walk = _Walk(upper, own, candidates, rows, targets)
    shape = len(goals), len(candidates)
    low, high = np.zeros(shape), np.ones(shape)
    possible = walk.reaches(high)
    for _ in range(HALVINGS if possible.any() else 0):
        middle = (low + high) / 2
        enough = walk.reaches(middle)
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return [walk.best(steps, is_possible) for steps, is_possible in zip(high, possible, strict=True)]


class _Walk:
    """Every candidate alone on its way from its score to 100, for every goal: arrays are (goals, candidates)."""

    def __init__(self, upper: Framework, own: F64, candidates: list[int], rows: NDArray[np.intp], targets: F64) -> None:
        self.upper = upper
        self.own = own
        self.candidates = candidates
        self.measures = [upper.measures[place] for place in candidates]
        self.rows = rows
        self.targets = targets
        self.start = np.array([_value(m, own[place]) for m, place in zip(self.measures, candidates, strict=True)])
        self.end = np.array([_value(measure, 100.0) for measure in self.measures])
        self.weights = nominal_weights(upper)[:, :, np.newaxis]

    def values(self, progress: F64) -> F64:
        """The values to record after a share of the way, (..., candidates)."""
        values: F64 = self.start + progress * (self.end - self.start)
        return values

    def scores(self, values: F64) -> F64:
        """The scores that values have, (..., candidates)."""
        columns = [
            scale_score(values[..., place], measure.maximum, measure.direction)
            for place, measure in enumerate(self.measures)
        ]
        return np.stack(columns, axis=-1)

    def reaches(self, progress: F64) -> NDArray[np.bool_]:
        """Whether each candidate alone reaches each goal after that share of its way."""
        goals, count = progress.shape
        columns = np.repeat(self.own[:, np.newaxis], goals * count, axis=1).reshape(-1, goals, count)
        columns[self.candidates, :, range(count)] = self.scores(self.values(progress)).T
        composed = compose(self.upper, columns, self.weights, self.upper.methodology.aggregation)
        return composed[self.rows, range(goals)] >= self.targets[:, np.newaxis]

    def best(self, progress: F64, possible: NDArray[np.bool_]) -> Raise | None:
        """The smallest raise of one goal, (candidates,)."""
        if not possible.any():
            return None
        values = self.values(progress)
        scores = self.scores(values)
        found = int(np.argmin(np.where(possible, scores - self.own[self.candidates], np.inf)))
        old = float(self.own[self.candidates[found]])
        return Raise(self.measures[found].code, float(values[found]), old, float(scores[found]))


def _without_parameters(framework: Framework) -> tuple[Framework, list[int]]:
    """The framework down to its indicators, and where its measures are in the whole one."""
    places = [place for place, measure in enumerate(framework.measures) if measure.level is not Level.PARAMETER]
    return Framework(framework.methodology, tuple(framework.measures[place] for place in places)), places


def _own(upper: Framework, score: F64, recorded: F64) -> F64:
    """Scores that the walk up starts from: of every indicator, and of the categories that were recorded."""
    is_category = np.array([measure.level is Level.CATEGORY for measure in upper.measures], dtype=np.bool_)
    return np.where(is_category & ~recorded.astype(np.bool_), np.nan, score)


def _value(measure: Measure, score: float) -> float:
    """The value on an indicator's own scale that gives a score."""
    points = score if measure.direction is Direction.HIGHER_IS_BETTER else 100 - score
    return points / 100 * measure.maximum
