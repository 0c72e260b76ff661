"""Editions drawn by hypothesis: any framework of three levels, ties, gaps, constant columns, one city, none."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from db.composite.framework import Aggregation, Direction, Framework, Level, Measure, Methodology, Normalisation

WEIGHT = st.integers(0, 4).map(float)
# Few distinct values make ties, equal ones constant columns.
VALUE = st.one_of(st.none(), st.integers(0, 6).map(lambda number: number * 12.5))


@dataclass(frozen=True)
class Drawn:
    """A framework with values (measures, cities), NaN where nothing is recorded."""

    framework: Framework
    values: NDArray[np.float64]


@st.composite
def editions(draw: Any, aggregations: Any = tuple(Aggregation), least_cities: int = 0) -> Drawn:
    """An edition whose values are all within their measures' ranges."""
    measures: list[Measure] = []
    for category in range(draw(st.integers(1, 3))):
        code = f"c{category}"
        measures.append(draw(_measure(code, Level.CATEGORY, None)))
        for indicator in range(draw(st.integers(0, 3))):
            below = f"{code}i{indicator}"
            measures.append(draw(_measure(below, Level.INDICATOR, code)))
            parameters = draw(st.integers(0, 3))
            measures += [draw(_measure(f"{below}p{p}", Level.PARAMETER, below)) for p in range(parameters)]
    normalisation, aggregation = draw(st.sampled_from(Normalisation)), draw(st.sampled_from(aggregations))
    framework = Framework(Methodology(normalisation, aggregation, 2, 2, 2, 0), _positive(measures))
    framework.check()
    cities = draw(st.integers(least_cities, 6))
    values = np.full((len(measures), cities), np.nan)
    for row, measure in enumerate(framework.measures):
        leaf = not framework.children[row]
        for column in range(cities if leaf or draw(st.booleans()) else 0):
            value = draw(VALUE)
            if value is not None:
                values[row, column] = value / 100 * measure.maximum
    return Drawn(framework, values)


@st.composite
def _measure(draw: Any, code: str, level: Level, parent: str | None) -> Measure:
    is_parameter = level is Level.PARAMETER
    return Measure(
        code,
        level,
        parent,
        code,
        code,
        draw(WEIGHT),
        draw(st.sampled_from(Direction)),
        maximum=100.0 if is_parameter else draw(st.sampled_from((100.0, 35.0))),
        normalisation=draw(st.sampled_from((None, *Normalisation))) if is_parameter else None,
    )


def _positive(measures: list[Measure]) -> tuple[Measure, ...]:
    """The measures, all weights 1 below a parent whose children would sum to zero."""
    totals: dict[str | None, float] = {}
    for measure in measures:
        totals[measure.parent] = totals.get(measure.parent, 0) + measure.weight
    return tuple(
        measure
        if totals[measure.parent]
        else Measure(
            measure.code, measure.level, measure.parent, measure.name_de, measure.name_en, 1.0, measure.direction,
            maximum=measure.maximum, normalisation=measure.normalisation,
        )
        for measure in measures
    )  # fmt: skip
