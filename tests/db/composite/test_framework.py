"""A framework that breaks a rule is refused, with the measure and what is wrong with it."""

from dataclasses import replace

import pytest

from db.composite.framework import Aggregation, Framework, FrameworkError, Level, Measure, Methodology, Normalisation

METHODOLOGY = Methodology(Normalisation.MIN_MAX, Aggregation.ARITHMETIC_MEAN, 10, 10, 10, 0)
CATEGORY = Measure("c", Level.CATEGORY, None, "C", "C", 1)
INDICATOR = Measure("i", Level.INDICATOR, "c", "I", "I", 1)
PARAMETER = Measure("p", Level.PARAMETER, "i", "P", "P", 1)


def test_a_good_framework_passes() -> None:
    Framework(METHODOLOGY, (CATEGORY, INDICATOR, PARAMETER)).check()
    Framework(METHODOLOGY, ()).check()


@pytest.mark.parametrize(
    ("measures", "code", "field"),
    [
        ((CATEGORY, CATEGORY), "c", "code"),
        ((replace(CATEGORY, code="overall"),), "overall", "code"),
        ((replace(CATEGORY, code="Ü"),), "Ü", "code"),
        ((replace(CATEGORY, code=""),), "", "code"),
        ((CATEGORY, replace(INDICATOR, parent="x")), "i", "parent"),
        ((CATEGORY, replace(INDICATOR, parent=None)), "i", "parent"),
        ((CATEGORY, replace(CATEGORY, code="d", parent="c")), "d", "parent"),
        ((CATEGORY, replace(PARAMETER, parent="c")), "p", "parent"),
        ((replace(INDICATOR, parent="i"),), "i", "parent"),
        ((replace(CATEGORY, weight=-1),), "c", "weight"),
        ((replace(CATEGORY, weight=float("nan")),), "c", "weight"),
        ((replace(CATEGORY, weight=float("inf")),), "c", "weight"),
        ((replace(CATEGORY, weight=0),), "c", "weight"),
        ((CATEGORY, INDICATOR, replace(PARAMETER, weight=0)), "p", "weight"),
        ((replace(CATEGORY, maximum=0),), "c", "maximum"),
        ((CATEGORY, INDICATOR, replace(PARAMETER, maximum=10)), "p", "maximum"),
        ((replace(CATEGORY, normalisation=Normalisation.RANK),), "c", "normalisation"),
    ],
)
def test_a_broken_rule_names_measure_and_field(measures: tuple[Measure, ...], code: str, field: str) -> None:
    with pytest.raises(FrameworkError) as refused:
        Framework(METHODOLOGY, measures).check()
    assert (refused.value.code, refused.value.field) == (code, field)


@pytest.mark.parametrize(
    ("measure", "value_range"),
    [
        (replace(INDICATOR, maximum=35), (0, 35)),
        (PARAMETER, (-1e15, 1e15)),
        (replace(PARAMETER, normalisation=Normalisation.NONE), (0, 100)),
        (replace(PARAMETER, normalisation=Normalisation.FRACTION_OF_MAX), (0, 1e15)),
    ],
)
def test_each_measure_has_its_range(measure: Measure, value_range: tuple[float, float]) -> None:
    assert Framework(METHODOLOGY, (CATEGORY, INDICATOR, measure)).value_range(measure) == value_range
