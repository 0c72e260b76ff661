"""A lowest score above 0: with it a geometric mean is 0 for no city that is worst in one parameter."""

from dataclasses import replace

import numpy as np
import pytest

from db.change.methodology_proposal import MethodologyChange
from db.composite.composition import recorded_scores
from db.composite.framework import Aggregation, Framework, Level, Measure, Normalisation
from db.composite.scoring import build_scores
from tests.db.composite.test_scoring import category, methodology

VALUES = np.array([[np.nan] * 3, [np.nan] * 3, [1.0, 3.0, 5.0], [8.0, 2.0, 4.0]])


def framework(normalisation: Normalisation, aggregation: Aggregation, lowest: float) -> Framework:
    parameters = (Measure(code, Level.PARAMETER, "i", code, code, 1) for code in ("p", "q"))
    measures = (category("c"), Measure("i", Level.INDICATOR, "c", "i", "i", 1), *parameters)
    return Framework(
        replace(methodology(), normalisation=normalisation, aggregation=aggregation, lowest=lowest), measures
    )


@pytest.mark.parametrize("normalisation", [Normalisation.MIN_MAX, Normalisation.RANK])
def test_the_worst_city_has_the_lowest_score_and_the_best_100(normalisation: Normalisation) -> None:
    scores = recorded_scores(framework(normalisation, Aggregation.ARITHMETIC_MEAN, 1.0), VALUES)
    assert scores[2].tolist() == [1, 50.5, 100]
    assert recorded_scores(framework(normalisation, Aggregation.ARITHMETIC_MEAN, 0.0), VALUES)[2].tolist() == [
        0, 50, 100,
    ]  # fmt: skip


@pytest.mark.parametrize("normalisation", [Normalisation.NONE, Normalisation.FRACTION_OF_MAX])
def test_scores_that_need_not_reach_0_stay_what_they_are(normalisation: Normalisation) -> None:
    with_lowest, without = (
        recorded_scores(framework(normalisation, Aggregation.ARITHMETIC_MEAN, lowest), VALUES) for lowest in (1.0, 0.0)
    )
    np.testing.assert_array_equal(with_lowest, without)


def test_a_geometric_mean_tells_worst_cities_apart() -> None:
    estimated = np.zeros(VALUES.shape, bool)
    zero = build_scores(framework(Normalisation.MIN_MAX, Aggregation.GEOMETRIC_MEAN, 0.0), VALUES, estimated)
    assert zero.score[0, :2].tolist() == [0, 0]
    above = build_scores(framework(Normalisation.MIN_MAX, Aggregation.GEOMETRIC_MEAN, 1.0), VALUES, estimated)
    assert above.score[0] == pytest.approx([10, np.sqrt(50.5), np.sqrt(100 * 34)])
    assert above.rank[0].tolist() == [2, 3, 1]


def test_a_geometric_mean_is_taken_with_a_lowest_score_only() -> None:
    stands = framework(Normalisation.MIN_MAX, Aggregation.ARITHMETIC_MEAN, 0.0)
    [problem] = MethodologyChange(aggregation=Aggregation.GEOMETRIC_MEAN).check(stands)
    assert problem.path == ("methodology", "lowest")
    assert "say a lowest score above 0, such as 1" in problem.message
    assert MethodologyChange(aggregation=Aggregation.GEOMETRIC_MEAN, lowest=1.0).check(stands) == []
    stored = framework(Normalisation.MIN_MAX, Aggregation.GEOMETRIC_MEAN, 0.0)
    assert MethodologyChange(top_n=2).check(stored) == []
    for wrong in (-1.0, 99.5, 100.0, float("inf"), float("nan")):
        [problem] = MethodologyChange(lowest=wrong).check(stands)
        assert "must be 0 to 99" in problem.message
