"""The part of a framework that changed values can move, scored without the rest."""

from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from db.composite.composition import recorded_scores
from db.composite.framework import Framework
from db.composite.scoring import aggregate

F64: TypeAlias = NDArray[np.float64]
Flag: TypeAlias = NDArray[np.bool_]


class Part:
    """What values of the measures *changed* can move: these, all above them, and their siblings' shares.

    `rows` are where its rows are in the whole, 0 for overall and 1 + i for the framework's measure i. `moved` has the
    measures whose scores can move, by their index in the whole; the others stand as they stood.
    """

    def __init__(self, framework: Framework, changed: Iterable[int]) -> None:
        moved: set[int] = set()
        for place in changed:
            moved |= {place, *framework.above(place)}
        beside = {child for place in moved for child in framework.children[place]}
        places = sorted({*framework.categories, *moved, *beside})
        self.rows = [0, *(1 + place for place in places)]
        self.moved = sorted(moved)
        self._places = [index for index, place in enumerate(places) if place in moved]
        self._whole = _only(framework, places)
        self._recorded = _only(framework, self.moved)

    def scores(self, values: F64, estimated: Flag, score: F64, estimated_share: F64) -> tuple[F64, F64, F64]:
        """Score, share and estimated share of `rows`, to the bit those that `build_scores` gives for the whole.

        *values* and *estimated* are (moved, cities), as recorded; *score* and *estimated_share* are those of `rows`
        from before.
        """
        own, resting = score[1:].copy(), estimated_share[1:].copy()
        recorded = recorded_scores(self._recorded, values)
        own[self._places] = recorded
        resting[self._places] = np.where(np.isnan(recorded), np.nan, estimated)
        return aggregate(self._whole, own, resting)


def _only(framework: Framework, places: list[int]) -> Framework:
    return Framework(framework.methodology, tuple(framework.measures[place] for place in places))
