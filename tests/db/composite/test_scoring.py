"""From recorded values to scores, ranks and flags, against exact arithmetic."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.composite.framework import Aggregation, Direction, Framework, Level, Measure, Methodology, Normalisation
from db.composite.scoring import Scores, build_flags, build_scores

NAN = float("nan")


def methodology(aggregation: Aggregation = Aggregation.ARITHMETIC_MEAN, **numbers: int) -> Methodology:
    defaults = {
        "top_n": 2,
        "hidden_champion_category_top_n": 2,
        "hidden_champion_overall_rank_worse_than": 2,
        "min_population": 0,
    }
    return Methodology(Normalisation.NONE, aggregation, **(defaults | numbers))


def category(code: str, weight: float = 1) -> Measure:
    return Measure(code, Level.CATEGORY, None, code, code, weight)


def indicator(code: str, parent: str, weight: float = 1, maximum: float = 100) -> Measure:
    return Measure(code, Level.INDICATOR, parent, code, code, weight, maximum=maximum)


def parameter(code: str, parent: str, weight: float = 1) -> Measure:
    return Measure(code, Level.PARAMETER, parent, code, code, weight)


def scores(framework: Framework, values: Any, estimated: Any = None) -> Scores:
    array = np.array(values, dtype=float).reshape(len(framework.measures), -1)
    flags = np.zeros(array.shape, bool) if estimated is None else np.array(estimated, dtype=bool).reshape(array.shape)
    return build_scores(framework, array, flags)


def test_the_one_complete_printed_set() -> None:
    codes = [f"i{number}" for number in range(7)]
    framework = Framework(
        methodology(),
        (category("c"), *(indicator(code, "c") for code in codes), indicator("projects", "c", 0.35, 35)),
    )
    found = scores(framework, [NAN, 100, 100, 100, 100, 94.7, 87.5, 70, 35])
    assert found.score[1, 0] == pytest.approx((652.2 + 35) / 735 * 100, abs=1e-12)
    assert round(found.score[1, 0], 1) == 93.5
    assert found.share[-1, 0] == pytest.approx(0.35 / 7.35, abs=1e-15)


def test_a_missing_child_drops_out_with_its_weight() -> None:
    framework = Framework(methodology(), (category("a", 1), category("b", 3)))
    found = scores(framework, [[40, 40, NAN, NAN], [80, NAN, 80, NAN]])
    np.testing.assert_array_equal(found.score[0], [70, 40, 80, NAN])
    np.testing.assert_array_equal(found.rank[0], [2, 3, 1, 0])
    np.testing.assert_array_equal(found.share[1], [0.25, 1, NAN, NAN])


def test_a_recorded_value_stands_in_for_what_is_below() -> None:
    framework = Framework(methodology(), (category("c"), indicator("i", "c", maximum=50), parameter("p", "i")))
    found = scores(framework, [[NAN, NAN, 90], [NAN, 20, 30], [60, 70, 80]])
    np.testing.assert_array_equal(found.score[0], [60, 40, 90])
    np.testing.assert_array_equal(found.score[2], [60, 40, 60])
    np.testing.assert_array_equal(found.share[2], [1, 1, NAN])
    np.testing.assert_array_equal(found.share[3], [1, NAN, NAN])


def test_an_estimate_weighs_as_much_as_its_share() -> None:
    framework = Framework(methodology(), (category("a"), indicator("i", "a", 1), indicator("j", "a", 3), category("b")))
    found = scores(framework, [NAN, 10, 20, 30], [False, True, False, True])
    np.testing.assert_array_equal(found.estimated_share[:, 0], [0.625, 0.25, 1, 0, 1])


@pytest.mark.parametrize(("values", "mean"), [([25, 100], 50), ([0, 100], 0), ([NAN, 64], 64), ([100, 100], 100)])
def test_a_geometric_mean(values: list[float], mean: float) -> None:
    framework = Framework(methodology(Aggregation.GEOMETRIC_MEAN), (category("a"), category("b")))
    assert scores(framework, values).score[0, 0] == pytest.approx(mean, abs=1e-12)


def test_lower_is_better_turns_a_recorded_indicator() -> None:
    measure = Measure("c", Level.CATEGORY, None, "c", "c", 1, Direction.LOWER_IS_BETTER, maximum=50)
    np.testing.assert_array_equal(scores(Framework(methodology(), (measure,)), [[10, 50]]).score[0], [80, 0])


@pytest.mark.parametrize("cities", [0, 1])
def test_hardly_any_cities(cities: int) -> None:
    framework = Framework(methodology(), (category("c"), indicator("i", "c"), parameter("p", "i")))
    found = build_scores(framework, np.full((3, cities), 50.0), np.zeros((3, cities), bool))
    assert found.rank.tolist() == [[1] * cities] * 4


def test_flags_at_the_border() -> None:
    framework = Framework(methodology(), (category("a"), category("b")))
    rank = np.array([[1, 2, 2, 4, 5], [1, 2, 3, 2, 0], [5, 4, 3, 1, 2]], dtype=np.int32)
    ever = np.zeros(rank.shape, bool)
    ever[0, 1] = ever[1, 3] = True
    flags = build_flags(framework, rank, ever)
    assert flags.top_n[0].tolist() == [True, True, True, False, False]
    assert flags.first_top_n[0].tolist() == [True, False, True, False, False]
    assert flags.first_top_n[1].tolist() == [True, True, False, False, False]
    assert flags.hidden_champion.tolist() == [
        [False, False, False, True, True],
        [False, False, False, True, False],
        [False, False, False, True, True],
    ]


WEIGHTS = st.lists(st.integers(0, 9), min_size=1, max_size=6).filter(any)
ROW = st.one_of(st.none(), st.integers(0, 100))


@given(WEIGHTS, st.data())
def test_a_mean_agrees_with_exact_arithmetic(weights: list[int], data: st.DataObject) -> None:
    framework = Framework(methodology(), tuple(category(f"c{n}", w) for n, w in enumerate(weights)))
    rows = data.draw(st.lists(st.lists(ROW, min_size=len(weights), max_size=len(weights)), max_size=6))
    values = np.array([[NAN if v is None else v for v in row] for row in rows], dtype=float).reshape(-1, len(weights)).T
    found = build_scores(framework, values, np.zeros(values.shape, bool))
    for place, row in enumerate(rows):
        present = [(w, v) for w, v in zip(weights, row, strict=True) if v is not None]
        total = sum(w for w, _ in present)
        if total == 0:
            assert np.isnan(found.score[0, place])
        else:
            assert found.score[0, place] == pytest.approx(float(Fraction(sum(w * v for w, v in present), total)))


@given(WEIGHTS, st.integers(2, 1000), st.randoms(use_true_random=False))
def test_neither_the_scale_of_weights_nor_the_order_of_cities_matters(
    weights: list[int], scale: int, random: Any
) -> None:
    values = np.array([[random.randrange(101) for _ in range(7)] for _ in weights], dtype=float)
    nothing = np.zeros(values.shape, bool)
    plain = Framework(methodology(), tuple(category(f"c{n}", w) for n, w in enumerate(weights)))
    scaled = Framework(methodology(), tuple(category(f"c{n}", w * scale) for n, w in enumerate(weights)))
    order = random.sample(range(7), 7)
    found = build_scores(plain, values, nothing)
    np.testing.assert_allclose(build_scores(scaled, values, nothing).score, found.score, rtol=1e-14, equal_nan=True)
    permuted = build_scores(plain, values[:, order], nothing)
    np.testing.assert_array_equal(permuted.score, found.score[:, order])
    np.testing.assert_array_equal(permuted.rank, found.rank[:, order])
