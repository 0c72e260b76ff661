"""A ranking from the one before it: to the bit the one from all inputs, with what did not move taken over."""

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from db.index.score import STATUS_CODE, ValueStatus
from db.ranking.column import COMPARED, OF_ALL, Figures
from db.ranking.compute import compute
from db.ranking.inputs import Basis, Inputs
from db.ranking.ranking import Baseline, Ranking, compared_rows
from tests.db.composite.drawn import VALUE, Drawn, editions

STATUS = st.sampled_from((ValueStatus.RECORDED, ValueStatus.ESTIMATED))


def inputs(drawn: Drawn) -> Inputs:
    """Of a first edition; what is drawn is recorded, and every second city was in each Top N."""
    recorded, nothing = (STATUS_CODE[each] for each in (ValueStatus.RECORDED, ValueStatus.COMPUTED))
    statuses = np.where(np.isnan(drawn.values), nothing, recorded).astype(np.uint8)
    shape = len(compared_rows(drawn.framework)), drawn.values.shape[1]
    ever = np.zeros(shape, dtype=np.bool_)
    ever[:, ::2] = True
    cities = tuple(f"made-up-{number}" for number in range(shape[1]))
    return Inputs(
        3000, 1, Basis({3000: 1}, {}), drawn.framework, cities, drawn.values, statuses, np.full(shape, np.nan),
        np.zeros(shape, dtype=np.int32), ever,
    )  # fmt: skip


def arrays(ranking: Ranking) -> list[Any]:
    return [rows for figures in (ranking.figures, ranking.comparison) for rows in by_name(figures)]


def by_name(figures: Figures) -> list[Any]:
    return [figures[name] for name in sorted(figures)]


def differing(one: Ranking, other: Ranking) -> frozenset[int]:
    """The positions of the columns that have an array with other bytes in the two."""
    compared = compared_rows(one.framework)
    rows = [
        (range(len(old)) if name in one.figures else compared, old, new)
        for names, olds, news in ((OF_ALL, one.figures, other.figures), (COMPARED, one.comparison, other.comparison))
        for name, old, new in ((name, olds[name], news[name]) for name in names)
    ]
    return frozenset(
        position
        for positions, old, new in rows
        for position, before, after in zip(positions, old, new, strict=True)
        if before.tobytes() != after.tobytes()
    )


@settings(max_examples=300)
@given(editions(least_cities=1), st.data())
def test_a_ranking_from_the_one_before_it(drawn: Drawn, data: st.DataObject) -> None:
    recorded = inputs(drawn)
    before = compute(recorded)
    for _ in range(3):
        codes, cities = (st.sampled_from(names) for names in (list(drawn.framework.position), recorded.cities))
        change = st.tuples(codes, cities, VALUE, STATUS)
        changes = data.draw(st.lists(change, max_size=3))
        maximum = {measure.code: measure.maximum for measure in drawn.framework.measures}
        scores = [
            (code, city, None if value is None else value / 100 * maximum[code], status)
            for code, city, value, status in changes
        ]
        recorded = replace(recorded.with_scores(scores), revision=recorded.revision + 1)
        changed = frozenset(drawn.framework.position[code] for code, *_ in changes)
        moved, whole = compute(recorded, Baseline(before, [], changed)), compute(recorded)
        for old, new, expected in zip(arrays(before), arrays(moved), arrays(whole), strict=True):
            assert [row.tobytes() for row in new] == [row.tobytes() for row in expected]
            same = [row.tobytes() == other.tobytes() for row, other in zip(old, new, strict=True)]
            assert same == [row is other for row, other in zip(old, new, strict=True)]
        assert moved.moved == differing(before, moved)
        before = moved
