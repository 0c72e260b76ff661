"""Values on 0-100: by hand, and against what each rule says of any values."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.stats import rankdata

from db.composite.framework import Direction, Normalisation
from db.composite.normalisation import NORMALISE

UP, DOWN = Direction.HIGHER_IS_BETTER, Direction.LOWER_IS_BETTER
NAN = float("nan")
# Small whole numbers make ties, constant columns and zeros likely.
VALUES = arrays.arrays(
    np.float64, st.integers(0, 12), elements=st.one_of(st.just(NAN), st.integers(0, 5).map(float), st.floats(0, 1e15))
)


@pytest.mark.parametrize(
    ("normalisation", "direction", "values", "expected"),
    [
        (Normalisation.MIN_MAX, UP, [0.1, 7.8, NAN, 3.95], [0, 100, NAN, 50]),
        (Normalisation.MIN_MAX, DOWN, [1, 5, 2], [100, 0, 75]),
        (Normalisation.MIN_MAX, UP, [4, 4, NAN], [100, 100, NAN]),
        (Normalisation.RANK, UP, [9, 7, 7, 1, NAN], [100, 200 / 3, 200 / 3, 0, NAN]),
        (Normalisation.RANK, DOWN, [9, 7, 7, 1], [0, 200 / 3, 200 / 3, 100]),
        (Normalisation.RANK, UP, [3], [100]),
        (Normalisation.FRACTION_OF_MAX, UP, [2, 8, 0, NAN], [25, 100, 0, NAN]),
        (Normalisation.FRACTION_OF_MAX, DOWN, [2, 8, 4], [100, 25, 50]),
        (Normalisation.FRACTION_OF_MAX, DOWN, [0, 8, 0], [100, 0, 100]),
        (Normalisation.FRACTION_OF_MAX, UP, [0, 0], [100, 100]),
        (Normalisation.NONE, UP, [30, 30, NAN], [30, 30, NAN]),
        (Normalisation.NONE, DOWN, [30, 0], [70, 100]),
    ],
)
def test_by_hand(normalisation: Normalisation, direction: Direction, values: Any, expected: Any) -> None:
    found = NORMALISE[normalisation](np.array(values, dtype=float), direction)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@given(VALUES, st.sampled_from(Normalisation), st.sampled_from(Direction))
def test_scores_are_0_to_100_and_missing_stays_missing(
    values: Any, normalisation: Normalisation, direction: Direction
) -> None:
    if normalisation is Normalisation.NONE:
        values = values % 100
    found = NORMALISE[normalisation](values, direction)
    assert (np.isnan(found) == np.isnan(values)).all()
    present = found[~np.isnan(found)]
    assert ((present >= 0) & (present <= 100)).all()
    if present.size and normalisation is not Normalisation.NONE:
        assert present.max() == 100


@given(VALUES, st.sampled_from(Direction))
def test_rank_agrees_with_an_independent_one(values: Any, direction: Direction) -> None:
    found = NORMALISE[Normalisation.RANK](values, direction)
    present = values[~np.isnan(values)]
    if len(set(present.tolist())) > 1:
        ranks = rankdata(-present if direction is UP else present, method="min")
        expected = 100 * (present.size - ranks) / (present.size - 1)
        np.testing.assert_allclose(found[~np.isnan(values)], expected, rtol=0, atol=1e-12)
