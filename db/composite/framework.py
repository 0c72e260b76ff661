"""What an edition measures and how it is scored: the framework's tree of measures and the methodology."""

import math
import re
from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

OVERALL = "overall"
"""The code of what the categories make together; no measure has it."""

CODE = re.compile(r"[a-z0-9_]+")

# Sums and ranges of values up to here stay exact enough and never overflow.
LARGEST_VALUE = 1e15
# A weight beyond these next to one of 1 is lost in the last bits of a sum.
SMALLEST_WEIGHT, LARGEST_WEIGHT = 1e-6, 1e6
LARGEST_LOWEST = 99.0


class FrameworkError(ValueError):
    """A framework breaks a rule; `code` is the measure's, `field` the name of what is wrong with it."""

    def __init__(self, code: str, field: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.field = field


class Level(StrEnum):
    CATEGORY = "category"
    INDICATOR = "indicator"
    PARAMETER = "parameter"


class Direction(StrEnum):
    HIGHER_IS_BETTER = "higher_is_better"
    LOWER_IS_BETTER = "lower_is_better"


class Normalisation(StrEnum):
    MIN_MAX = "min_max"
    RANK = "rank"
    FRACTION_OF_MAX = "fraction_of_max"
    NONE = "none"


class Aggregation(StrEnum):
    ARITHMETIC_MEAN = "arithmetic_mean"
    GEOMETRIC_MEAN = "geometric_mean"


# Of these the worst city has the score 0 when the methodology names no other lowest score.
REACHES_ZERO = frozenset({Normalisation.MIN_MAX, Normalisation.RANK})


@dataclass(frozen=True, slots=True)
class Measure:
    """One category, indicator or parameter; `code` is unique in its framework.

    `weight` is relative among the measures of one parent. `maximum` is the top of the scale on which an
    indicator or category value is recorded. `normalisation` overrides the methodology's for a parameter.
    """

    code: str
    level: Level
    parent: str | None
    name_de: str
    name_en: str
    weight: float
    direction: Direction = Direction.HIGHER_IS_BETTER
    unit: str | None = None
    maximum: float = 100.0
    normalisation: Normalisation | None = None


@dataclass(frozen=True, slots=True)
class Methodology:
    """How scores become a ranking.

    A city is a Hidden Champion in a category when its rank there is at most
    `hidden_champion_category_top_n` and its overall rank is greater than
    `hidden_champion_overall_rank_worse_than`. `lowest` is the score that min_max and rank give to the worst city: above
    0 it keeps a geometric mean from taking every city to 0 that is worst in one parameter.
    """

    normalisation: Normalisation
    aggregation: Aggregation
    top_n: int
    hidden_champion_category_top_n: int
    hidden_champion_overall_rank_worse_than: int
    min_population: int
    lowest: float = 0.0


@dataclass(frozen=True)
class Framework:
    """The measures of one edition in their published order, with its methodology."""

    methodology: Methodology
    measures: tuple[Measure, ...]

    @cached_property
    def position(self) -> dict[str, int]:
        """Index of each measure in `measures`, by code."""
        return {measure.code: index for index, measure in enumerate(self.measures)}

    @cached_property
    def categories(self) -> tuple[int, ...]:
        """Indices of the categories."""
        return tuple(i for i, measure in enumerate(self.measures) if measure.level is Level.CATEGORY)

    @cached_property
    def children(self) -> tuple[tuple[int, ...], ...]:
        """Indices of the measures below each measure, in published order; empty for a leaf."""
        below: list[list[int]] = [[] for _ in self.measures]
        for index, measure in enumerate(self.measures):
            if measure.parent is not None:
                below[self.position[measure.parent]].append(index)
        return tuple(tuple(indices) for indices in below)

    def above(self, place: int) -> list[int]:
        """Indices of the measures that one is below, from the bottom up."""
        parent = self.measures[place].parent
        return [] if parent is None else [self.position[parent], *self.above(self.position[parent])]

    @cached_property
    def branches(self) -> tuple[tuple[int, tuple[int, ...]], ...]:
        """The row of everything that has measures below it, with their indices, from the bottom up.

        Row 0 is overall, row 1 + i the measure i.
        """
        levels = [
            (1 + place, self.children[place])
            for level in (Level.INDICATOR, Level.CATEGORY)
            for place, measure in enumerate(self.measures)
            if measure.level is level and self.children[place]
        ]
        return (*levels, (0, self.categories)) if self.categories else tuple(levels)

    def normalisation_of(self, measure: Measure) -> Normalisation:
        """The normalisation in force for a parameter."""
        return measure.normalisation or self.methodology.normalisation

    def zero_problem(self) -> tuple[Measure, str] | None:
        """The first parameter of which a geometric mean takes the worst city to 0, and what to do; None without one."""
        methodology = self.methodology
        if methodology.aggregation is not Aggregation.GEOMETRIC_MEAN or methodology.lowest > 0:
            return None
        for measure in self.measures:
            if measure.level is Level.PARAMETER and self.normalisation_of(measure) in REACHES_ZERO:
                message = (
                    f"{self.normalisation_of(measure)} gives the city that is worst in {measure.code} the score 0, and "
                    f"{methodology.aggregation} then gives it 0 overall: say a lowest score above 0, such as 1"
                )
                return measure, message
        return None

    def value_range(self, measure: Measure) -> tuple[float, float]:
        """The lowest and highest value that can be recorded for *measure*, on its own scale."""
        if measure.level is not Level.PARAMETER:
            return 0.0, measure.maximum
        match self.normalisation_of(measure):
            case Normalisation.NONE:
                return 0.0, 100.0
            case Normalisation.FRACTION_OF_MAX:
                return 0.0, LARGEST_VALUE
        return -LARGEST_VALUE, LARGEST_VALUE

    def outside(self, values: "NDArray[np.float64]") -> list[Measure]:
        """The measures for which some value cannot be recorded; *values* is (measures, cities), NaN missing."""
        found = []
        for measure, row in zip(self.measures, values, strict=True):
            lowest, highest = self.value_range(measure)
            if ((row < lowest) | (row > highest)).any():
                found.append(measure)
        return found

    def check(self) -> None:
        """Raise `FrameworkError` at the first measure that breaks a rule."""
        levels: dict[str, Level] = {}
        for measure in self.measures:
            if measure.code in levels:
                raise FrameworkError(measure.code, "code", f"{measure.code!r} is there twice")
            levels[measure.code] = measure.level
        for measure in self.measures:
            _check_parent(measure, levels)
            _check_scale(measure)
        _check_weights(self.measures)


_PARENT_LEVEL = {Level.CATEGORY: None, Level.INDICATOR: Level.CATEGORY, Level.PARAMETER: Level.INDICATOR}


def _check_parent(measure: Measure, levels: dict[str, Level]) -> None:
    """Each level has its parents in the level above, so there is no cycle."""
    if measure.parent is not None and measure.parent not in levels:
        raise FrameworkError(measure.code, "parent", f"there is no measure {measure.parent!r}")
    wanted = _PARENT_LEVEL[measure.level]
    found = None if measure.parent is None else levels[measure.parent]
    if found is not wanted:
        message = f"the parent of the {measure.level} is {wanted or 'left empty'}, not {found or 'left empty'}"
        raise FrameworkError(measure.code, "parent", message)


def lowest_problem(lowest: float) -> str | None:
    """Why a number cannot be the lowest normalised score; None when it can."""
    if 0 <= lowest <= LARGEST_LOWEST:
        return None
    return f"{lowest!r} is not a lowest score: it must be 0 to {LARGEST_LOWEST:g}"


def weight_problem(weight: float) -> str | None:
    """Why a number cannot be a weight; None when it can."""
    if weight == 0 or SMALLEST_WEIGHT <= weight <= LARGEST_WEIGHT:
        return None
    return f"{weight!r} is not a weight: it must be 0, or {SMALLEST_WEIGHT:g} to {LARGEST_WEIGHT:g}"


def _check_scale(measure: Measure) -> None:
    if measure.code == OVERALL or not CODE.fullmatch(measure.code):
        message = f"{measure.code!r} is not lower-case letters, digits and underscores, or is {OVERALL!r}"
        raise FrameworkError(measure.code, "code", message)
    if (problem := weight_problem(measure.weight)) is not None:
        raise FrameworkError(measure.code, "weight", problem)
    if not 0 < measure.maximum <= LARGEST_VALUE:
        raise FrameworkError(measure.code, "maximum", f"{measure.maximum:g} is not more than 0")
    if measure.level is Level.PARAMETER and measure.maximum != 100:
        raise FrameworkError(measure.code, "maximum", "a parameter has no maximum")
    if measure.level is not Level.PARAMETER and measure.normalisation is not None:
        raise FrameworkError(measure.code, "normalisation", "only parameters are normalised")


def _check_weights(measures: tuple[Measure, ...]) -> None:
    siblings = defaultdict(list)
    for measure in measures:
        siblings[measure.parent].append(measure)
    for parent, children in siblings.items():
        if math.fsum(child.weight for child in children) == 0:
            message = f"the weights below {parent or OVERALL} sum to zero"
            raise FrameworkError(children[0].code, "weight", message)
