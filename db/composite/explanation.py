"""Why a city stands where it stands, and what would move it: one indicator raised, everything else unchanged."""

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


def smallest_raise(framework: Framework, score: F64, recorded: F64, code: str, target: float) -> Raise | None:
    """The single indicator whose score must rise least for overall or a category, *code*, to reach *target*.

    *score* (1 + measures,) holds one city's scores, overall first; *recorded* (measures,) is True where the city's
    value was recorded: what stands below a recorded category cannot move it. Indicators without a score are not
    considered. None when no single indicator reaches it. Of equal raises the first in published order.
    """
    upper, places = _without_parameters(framework)
    row = 0 if code not in upper.position else 1 + upper.position[code]
    own = _own(upper, score[1:][places], recorded[places])
    candidates = [
        place
        for place, measure in enumerate(upper.measures)
        if measure.level is Level.INDICATOR and not np.isnan(own[place]) and own[place] < 100
    ]
    measures = [upper.measures[place] for place in candidates]
    start = np.array([_value(measure, own[place]) for measure, place in zip(measures, candidates, strict=True)])
    best = np.array([_value(measure, 100.0) for measure in measures])

    def reaches(progress: F64) -> tuple[NDArray[np.bool_], F64, F64]:
        """Whether each candidate alone reaches the target that far on its way, with its value and score there."""
        values = start + progress * (best - start)
        scores = np.array([scale_score(m, value) for m, value in zip(measures, values, strict=True)])
        columns = np.repeat(own[:, np.newaxis], len(candidates), axis=1)
        columns[candidates, range(len(candidates))] = scores
        composed = compose(upper, columns, nominal_weights(upper), upper.methodology.aggregation)
        return composed[row] >= target, values, scores

    low, high = np.zeros(len(candidates)), np.ones(len(candidates))
    possible = reaches(high)[0]
    for _ in range(HALVINGS if possible.any() else 0):
        middle = (low + high) / 2
        enough = reaches(middle)[0]
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    if not possible.any():
        return None
    _, values, scores = reaches(high)
    gained = np.where(possible, scores - own[candidates], np.inf)
    found = int(np.argmin(gained))
    return Raise(measures[found].code, float(values[found]), float(own[candidates[found]]), float(scores[found]))


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
