"""Scores that are equal by arithmetic have equal ranks, whatever the order in which floats were summed."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from db.composite.framework import Aggregation, Framework
from db.composite.scoring import build_scores
from db.composite.uncertainty import Perturbation, draw_ranks
from tests.db.composite.test_scoring import category, methodology

VALUES = st.lists(st.integers(1, 1000).map(lambda number: number / 10), min_size=2, max_size=5)


def framework(weights: list[float], aggregation: Aggregation) -> Framework:
    measures = tuple(category(f"c{number}", weight) for number, weight in enumerate(weights))
    return Framework(replace(methodology(), aggregation=aggregation), measures)


def rank(made: Framework, values: np.ndarray) -> list[int]:
    ranks: list[int] = build_scores(made, values, np.zeros(values.shape, bool)).rank[0].tolist()
    return ranks


@pytest.mark.parametrize("aggregation", Aggregation)
@settings(max_examples=50, deadline=None)
@given(VALUES, st.sampled_from([1.0, 1 / 3, 0.1, 7.0]))
def test_permuted_values_of_equal_weights_share_a_rank(
    aggregation: Aggregation, values: list[float], weight: float
) -> None:
    cities = np.array(list(permutations(values))[:60]).T
    made = framework([weight] * len(values), aggregation)
    assert set(rank(made, cities)) == {1}
    [drawn] = draw_ranks(made, cities, Perturbation(2, 1, 0.0, vary_aggregation=False))
    assert set(drawn.ravel().tolist()) == {1}


@pytest.mark.parametrize("aggregation", Aggregation)
@settings(max_examples=50, deadline=None)
@given(VALUES, st.data())
def test_neither_the_order_of_measures_nor_the_scale_of_weights_moves_anybody(
    aggregation: Aggregation, weights: list[float], data: st.DataObject
) -> None:
    count = len(weights)
    numbers = st.lists(st.integers(1, 1000).map(lambda number: number / 10), min_size=12, max_size=12)
    cities = np.array([data.draw(numbers) for _ in range(count)])
    order = data.draw(st.permutations(range(count)))
    before = rank(framework(weights, aggregation), cities)
    assert rank(framework([weights[i] for i in order], aggregation), cities[order]) == before
    for factor in (3, 0.7, 1 / 3):
        assert rank(framework([weight * factor for weight in weights], aggregation), cities) == before
