"""The index computed a second time: exact fractions, one city and one measure at a time, ranks by scipy."""

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import TypeAlias

import numpy as np
from scipy.stats import rankdata

from db.composite.framework import OVERALL, Aggregation, Direction, Framework, Level, Measure, Normalisation

Score: TypeAlias = Fraction | float | None
Weights: TypeAlias = dict[str, float]


def scores(framework: Framework, values: np.ndarray, weights: Weights | None = None) -> dict[str, list[Score]]:
    """The score of overall and every measure by code, one a city; exact unless a geometric mean is below it."""
    weights = weights or {measure.code: measure.weight for measure in framework.measures}
    found: dict[str, list[Score]] = {}
    for row in reversed(range(len(framework.measures))):  # what is below comes after its parent
        measure = framework.measures[row]
        own = _own(framework, measure, values[row])
        below = [m for m in framework.measures if m.parent == measure.code]
        composed = _mean(framework, below, weights, found, values.shape[1])
        found[measure.code] = [c if o is None else o for o, c in zip(own, composed, strict=True)]
    categories = [m for m in framework.measures if m.level is Level.CATEGORY]
    found[OVERALL] = _mean(framework, categories, weights, found, values.shape[1])
    return found


def ranks(column: Sequence[Score]) -> list[int]:
    """Competition ranks, 0 without a score; what differs by rounding only is equal."""
    present = [-round(float(score), 9) for score in column if score is not None]
    given = iter(rankdata(present, method="min"))
    return [0 if score is None else int(next(given)) for score in column]


def _mean(
    framework: Framework, below: list[Measure], weights: Weights, found: dict[str, list[Score]], cities: int
) -> list[Score]:
    means: list[Score] = []
    for city in range(cities):
        scored = [(Fraction(weights[m.code]), found[m.code][city]) for m in below]
        present = [(weight, score) for weight, score in scored if score is not None and weight]
        total = sum(weight for weight, _ in present)
        if not total:
            means.append(None)
        elif framework.methodology.aggregation is Aggregation.ARITHMETIC_MEAN:
            means.append(sum((weight * score for weight, score in present), Fraction(0)) / total)
        else:
            means.append(math.prod(float(score) ** float(weight / total) for weight, score in present))
    return means


def _own(framework: Framework, measure: Measure, values: np.ndarray) -> list[Score]:
    exact = [None if math.isnan(value) else Fraction(value) for value in values]
    higher = measure.direction is Direction.HIGHER_IS_BETTER
    if measure.level is not Level.PARAMETER:
        points = [None if value is None else value / Fraction(measure.maximum) * 100 for value in exact]
        return [score if score is None or higher else 100 - score for score in points]
    present = [value for value in exact if value is not None]
    best, worst = (max, min) if higher else (min, max)
    normalisation = framework.normalisation_of(measure)

    def score(value: Fraction) -> Score:
        if normalisation is Normalisation.NONE:
            return value if higher else 100 - value
        if len(set(present)) == 1:
            return Fraction(100)
        if normalisation is Normalisation.MIN_MAX:
            return (value - worst(present)) / (best(present) - worst(present)) * 100
        if normalisation is Normalisation.RANK:
            ahead = sum(other > value if higher else other < value for other in present)
            return Fraction(100 * (len(present) - 1 - ahead), len(present) - 1)
        if higher:
            return value / best(present) * 100
        return Fraction(100) if value == 0 else best(present) / value * 100

    return [None if value is None else score(value) for value in exact]
