"""Ranks and the points to the next one."""

from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.stats import rankdata

from db.composite.rank import EXACT, RESOLUTION, competition_rank, points_to_next_rank

NAN = float("nan")
SCORES = arrays.arrays(
    np.float64, st.integers(0, 15), elements=st.one_of(st.just(NAN), st.integers(0, 4).map(float), st.floats(0, 100))
)


def test_equal_scores_share_a_rank_and_the_next_is_skipped() -> None:
    assert competition_rank(np.array([70, 90, 80, NAN, 80, 60.0])).tolist() == [4, 1, 2, 0, 2, 5]


def test_a_difference_of_the_resolution_counts_and_less_does_not() -> None:
    assert competition_rank(np.array([82.9, 82.9 + 2 * RESOLUTION])).tolist() == [2, 1]
    assert competition_rank(np.array([82.9, np.nextafter(82.9, 100)])).tolist() == [1, 1]


def test_scores_that_small_steps_join_are_equal() -> None:
    assert competition_rank(np.array([50, 50 + 0.6 * RESOLUTION, 50 + 1.2 * RESOLUTION, 49])).tolist() == [1, 1, 1, 4]


def test_values_that_are_no_scores_are_equal_when_they_are_the_same() -> None:
    assert competition_rank(np.array([3e-12, 2e-12, 3e-12]), EXACT).tolist() == [1, 3, 1]


def test_points_lead_to_the_next_better_score() -> None:
    found = points_to_next_rank(np.array([70, 90, 80, NAN, 80, 60.0]))
    np.testing.assert_array_equal(found, [10, NAN, 10, NAN, 10, 10])


@given(SCORES)
def test_ranks_agree_with_an_independent_one(scores: Any) -> None:
    present = ~np.isnan(scores)
    ranks = competition_rank(scores)
    assert (ranks[~present] == 0).all()
    assert ranks[present].tolist() == rankdata(-_joined(scores[present]), method="min").tolist()


@given(SCORES)
def test_the_missing_points_reach_the_lowest_of_the_next_better_scores(scores: Any) -> None:
    ranks = competition_rank(scores)
    for score, gap, rank in zip(scores, points_to_next_rank(scores), ranks, strict=True):
        better = [other for other, above in zip(scores, ranks, strict=True) if 0 < above < rank]
        next_better = [
            other
            for other, above in zip(scores, ranks, strict=True)
            if above and better and above == max(higher for higher in ranks if 0 < higher < rank)
        ]
        assert np.isnan(gap) == (not better)
        if better:
            assert gap == min(next_better) - score


def _joined(scores: Any) -> Any:
    """Each score replaced by the lowest one that small steps lead to."""
    lowest: dict[float, float] = {}
    for below, score in pairwise([-np.inf, *np.sort(scores)]):
        lowest[score] = lowest[below] if score - below < RESOLUTION else score
    return np.array([lowest[score] for score in scores])
