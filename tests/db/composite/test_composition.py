"""Whole editions, from recorded values to ranks, against a second computation."""

import numpy as np
import pytest
from hypothesis import given, settings

from db.composite.framework import OVERALL
from db.composite.scoring import build_scores
from tests.db.composite import oracle
from tests.db.composite.drawn import Drawn, editions


@settings(max_examples=300)
@given(editions())
def test_scores_and_ranks_agree_with_the_oracle(drawn: Drawn) -> None:
    found = build_scores(drawn.framework, drawn.values, np.zeros(drawn.values.shape, bool))
    expected = oracle.scores(drawn.framework, drawn.values)
    for row, code in enumerate([OVERALL, *drawn.framework.position]):
        scores = [float("nan") if score is None else float(score) for score in expected[code]]
        assert found.score[row].tolist() == pytest.approx(scores, abs=1e-9, nan_ok=True), code
        # Sums that are equal on paper may differ by a rounding, and are ranked as they are.
        rounded = [None if np.isnan(score) else float(score) for score in found.score[row]]
        if len(set(np.round(scores, 9))) == len(set(found.score[row].tolist())):
            assert found.rank[row].tolist() == oracle.ranks(rounded) == oracle.ranks(expected[code]), code


@given(editions(least_cities=2))
def test_equal_cities_share_every_rank(drawn: Drawn) -> None:
    drawn.values[:, 1] = drawn.values[:, 0]
    found = build_scores(drawn.framework, drawn.values, np.zeros(drawn.values.shape, bool))
    np.testing.assert_array_equal(found.score[:, 0], found.score[:, 1])
    np.testing.assert_array_equal(found.rank[:, 0], found.rank[:, 1])
