"""Rank spreads against draws computed one by one, and against what COINr documents."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from db.composite import uncertainty
from db.composite.framework import OVERALL, Aggregation, Framework
from db.composite.scoring import build_scores
from db.composite.uncertainty import Perturbation, draw_ranks, spread
from tests.db.composite import oracle
from tests.db.composite.drawn import Drawn, editions
from tests.db.composite.test_scoring import category, methodology


def framework(categories: int) -> Framework:
    return Framework(methodology(), tuple(category(f"c{number}") for number in range(categories)))


def ranks(drawn: Drawn, perturbation: Perturbation) -> np.ndarray:
    return np.concatenate(list(draw_ranks(drawn.framework, drawn.values, perturbation)))


@settings(max_examples=50, deadline=None)
@given(editions(aggregations=[Aggregation.ARITHMETIC_MEAN]), st.integers(0, 2**31 - 1))
def test_each_draw_is_the_ranking_with_its_own_weights(drawn: Drawn, seed: int) -> None:
    noise = np.random.default_rng(seed).uniform(-1, 1, size=(5, len(drawn.framework.measures)))
    found = ranks(drawn, Perturbation(5, seed, 0.25, False))
    for draw in range(5):
        weights = {
            measure.code: measure.weight * (1 + 0.25 * noise[draw, place])
            for place, measure in enumerate(drawn.framework.measures)
        }
        overall = oracle.scores(drawn.framework, drawn.values, weights)[OVERALL]
        present = [round(float(score), 9) for score in overall if score is not None]
        # What is equal on paper may differ by a rounding, and is ranked as it is.
        if len(set(present)) == len(present):
            assert found[draw].tolist() == oracle.ranks(overall)


@settings(deadline=None)
@given(editions())
def test_without_noise_every_draw_is_the_ranking(drawn: Drawn) -> None:
    nominal = build_scores(drawn.framework, drawn.values, np.zeros(drawn.values.shape, bool)).rank[0]
    found = ranks(drawn, Perturbation(3, 1, 0.0, False))
    np.testing.assert_array_equal(found, np.tile(nominal, (3, 1)))
    told = spread(drawn.framework, found)
    expected = np.where(nominal > 0, nominal, np.nan)
    for quantile in (told.low, told.median, told.high):
        np.testing.assert_array_equal(quantile, expected)
    np.testing.assert_array_equal(told.top_n_share, np.where(nominal > 0, nominal <= 2, np.nan))


@settings(max_examples=30, deadline=None)
@given(editions(), st.booleans())
def test_chunks_change_nothing(drawn: Drawn, vary: bool) -> None:
    perturbation = Perturbation(20, 7, 0.5, vary)
    whole = ranks(drawn, perturbation)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uncertainty, "CHUNK", 1)
        np.testing.assert_array_equal(ranks(drawn, perturbation), whole)


def test_quantiles_are_those_of_r() -> None:
    """R: quantile(c(1, 2, 3, 4), c(.05, .5, .95)) is 1.15 2.50 3.85."""
    told = spread(framework(1), np.array([[1], [2], [3], [4]], dtype=np.int32))
    assert [told.low[0], told.median[0], told.high[0]] == pytest.approx([1.15, 2.5, 3.85])
    assert told.top_n_share[0] == 0.5


def test_a_mean_that_varies_is_drawn_about_half_the_time() -> None:
    """Two cities that change places with the mean: 50 and 50 against 20 and 90."""
    values = np.array([[50.0, 20.0], [50.0, 90.0]])
    found = np.concatenate(list(draw_ranks(framework(2), values, Perturbation(1000, 3, 0.0, True))))
    assert 0.45 < (found[:, 0] == 1).mean() < 0.55
    assert (found.sum(axis=1) == 3).all()
