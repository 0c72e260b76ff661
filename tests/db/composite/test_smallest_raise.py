"""The smallest raise reaches its target when it is recorded, and nothing smaller does."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from db.composite.framework import OVERALL, Direction, Framework, Level
from db.composite.scoring import build_scores
from db.composite.smallest_raise import Raise, smallest_raises
from tests.db.composite.drawn import Drawn, editions
from tests.db.composite.test_scoring import category, indicator, methodology


def scores(drawn: Drawn) -> np.ndarray:
    return build_scores(drawn.framework, drawn.values, np.zeros(drawn.values.shape, bool)).score


def smallest_raise(
    framework: Framework, score: np.ndarray, recorded: np.ndarray, code: str, target: float
) -> Raise | None:
    [found] = smallest_raises(framework, score, recorded, [(code, target)])
    return found


def recording(drawn: Drawn, code: str, value: float) -> np.ndarray:
    """The first city's scores when that value is recorded."""
    values = drawn.values.copy()
    values[drawn.framework.position[code], 0] = value
    return scores(replace(drawn, values=values))[:, 0]


@settings(max_examples=200, deadline=None)
@given(editions(least_cities=1), st.floats(0.01, 50), st.data())
def test_it_reaches_its_target_and_nothing_smaller_does(drawn: Drawn, points: float, data: st.DataObject) -> None:
    framework = drawn.framework
    row = data.draw(st.sampled_from([0, *(1 + place for place in framework.categories)]))
    code = OVERALL if row == 0 else framework.measures[row - 1].code
    before = scores(drawn)[:, 0]
    target = before[row] + points
    assume(target <= 100)
    found = smallest_raise(framework, before, ~np.isnan(drawn.values[:, 0]), code, target)
    for place, measure in enumerate(framework.measures):
        old = before[1 + place]
        if measure.level is not Level.INDICATOR or np.isnan(old):
            continue
        limit = 100.0 if found is None else min(100.0, old + (found.new_score - found.old_score) - 1e-7)
        if limit > old:
            less = limit if measure.direction is Direction.HIGHER_IS_BETTER else 100 - limit
            assert recording(drawn, measure.code, less / 100 * measure.maximum)[row] < target
    if found is not None:
        after = recording(drawn, found.code, found.value)
        assert after[row] >= target
        assert after[1 + framework.position[found.code]] == found.new_score > found.old_score


def test_the_heaviest_indicator_with_room_is_the_cheapest() -> None:
    framework = Framework(
        methodology(), (category("c"), indicator("light", "c"), indicator("heavy", "c", 3), indicator("full", "c", 9))
    )
    drawn = Drawn(framework, np.array([[np.nan], [0.0], [50.0], [100.0]]))
    for target, code, value in ((80, "heavy", None), (91.9, "heavy", None), (92.4, None, None)):
        found = smallest_raise(framework, scores(drawn)[:, 0], ~np.isnan(drawn.values[:, 0]), "c", target)
        assert (found and found.code) == code, (target, value)


@pytest.mark.parametrize("code", [OVERALL, "c"])
def test_a_recorded_category_cannot_be_moved_from_below(code: str) -> None:
    framework = Framework(methodology(), (category("c"), indicator("i", "c")))
    drawn = Drawn(framework, np.array([[10.0], [20.0]]))
    assert smallest_raise(framework, scores(drawn)[:, 0], ~np.isnan(drawn.values[:, 0]), code, 11) is None


def test_a_larger_target_costs_more() -> None:
    framework = Framework(methodology(), (category("a"), indicator("i", "a"), indicator("j", "a", 2), category("b")))
    drawn = Drawn(framework, np.array([[np.nan], [5.0], [10.0], [40.0]]))
    before = scores(drawn)[:, 0]
    targets = [(OVERALL, target) for target in (30.0, 35.0, 40.0)]
    raises = smallest_raises(framework, before, ~np.isnan(drawn.values[:, 0]), targets)
    assert raises == [smallest_raise(framework, before, ~np.isnan(drawn.values[:, 0]), *target) for target in targets]
    points = [found.new_score - found.old_score for found in raises if found]
    assert len(points) == 3
    assert all(less < more for less, more in pairwise(points))
