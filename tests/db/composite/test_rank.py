"""Ranks and the points to the next one."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.stats import rankdata

from db.composite.rank import competition_rank, points_to_next_rank

NAN = float("nan")
SCORES = arrays.arrays(
    np.float64, st.integers(0, 15), elements=st.one_of(st.just(NAN), st.integers(0, 4).map(float), st.floats(0, 100))
)


def test_equal_scores_share_a_rank_and_the_next_is_skipped() -> None:
    assert competition_rank(np.array([70, 90, 80, NAN, 80, 60.0])).tolist() == [4, 1, 2, 0, 2, 5]


def test_a_difference_beyond_any_print_counts() -> None:
    assert competition_rank(np.array([82.9, np.nextafter(82.9, 100)])).tolist() == [2, 1]


def test_points_lead_to_the_next_better_score() -> None:
    found = points_to_next_rank(np.array([70, 90, 80, NAN, 80, 60.0]))
    np.testing.assert_array_equal(found, [10, NAN, 10, NAN, 10, 10])


@given(SCORES)
def test_ranks_agree_with_an_independent_one(scores: Any) -> None:
    present = ~np.isnan(scores)
    ranks = competition_rank(scores)
    assert (ranks[~present] == 0).all()
    assert ranks[present].tolist() == rankdata(-scores[present], method="min").tolist()


@given(SCORES)
def test_the_missing_points_reach_exactly_the_next_score(scores: Any) -> None:
    gaps = points_to_next_rank(scores)
    for score, gap, rank in zip(scores, gaps, competition_rank(scores), strict=True):
        better = [other for other in scores if other > score]
        assert np.isnan(gap) == (rank in (0, 1))
        if better:
            assert gap == min(better) - score
