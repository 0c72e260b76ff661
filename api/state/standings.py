"""How all cities of a snapshot stand in one measure or overall, as lists of what the API answers."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from db.composite.framework import Aggregation
from db.index.score import STATUSES, ValueStatus
from db.ranking.column import Column, Comparison
from db.ranking.ranking import Ranking

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Standings:
    """Every property has one element a place of the ranking, None where it is missing.

    Lists are made when they are first asked for: most queries look at few columns of a snapshot. `derived` is for
    readers that want to keep what they worked out from these standings for as long as these are in memory.
    """

    def __init__(self, ranking: Ranking, column: Column) -> None:
        self.code = column.code
        self.has_comparison = column.comparison is not None
        self._ranking = ranking
        self._column = column
        self.derived: dict[Any, Any] = {}

    @cached_property
    def value(self) -> list[float | None]:
        return _numbers(self._column.value)

    @cached_property
    def status(self) -> list[ValueStatus]:
        return [STATUSES[code] for code in self._column.status.tolist()]

    @cached_property
    def score(self) -> list[float | None]:
        return _numbers(self._column.score)

    @cached_property
    def rank(self) -> list[int | None]:
        return _ranks(self._column.rank)

    @cached_property
    def ranked_rows(self) -> list[int]:
        """The rows with a rank, best first, equal ranks by overall rank."""
        ranked = sorted((rank, row) for row, rank in enumerate(self.rank) if rank is not None)
        return [row for _, row in ranked]

    @cached_property
    def share(self) -> list[float | None]:
        """Of the weight below its parent, 0-1."""
        return _numbers(self._column.share)

    @cached_property
    def contribution(self) -> list[float | None]:
        """Points that it adds to its parent's score; none to a geometric mean, which does not add."""
        if self._ranking.framework.methodology.aggregation is not Aggregation.ARITHMETIC_MEAN:
            return [None] * len(self.score)
        return _numbers(self._column.share * self._column.score)

    @cached_property
    def estimated_share(self) -> list[float]:
        return [share or 0.0 for share in _numbers(self._column.estimated_share)]

    @cached_property
    def previous_score(self) -> list[float | None]:
        return _numbers(self._comparison.previous_score)

    @cached_property
    def previous_rank(self) -> list[int | None]:
        return _ranks(self._comparison.previous_rank)

    @cached_property
    def rank_change(self) -> list[int | None]:
        """Places climbed since the edition before."""
        pairs = zip(self.previous_rank, self.rank, strict=True)
        return [None if before is None or now is None else before - now for before, now in pairs]

    @cached_property
    def is_top_n(self) -> list[bool]:
        return _flags(self._comparison.is_top_n)

    @cached_property
    def top_n_places(self) -> list[int]:
        """The places of the Top N."""
        return _places(self._comparison.is_top_n)

    @cached_property
    def hidden_champion_places(self) -> list[int]:
        """The places of the Hidden Champions."""
        return _places(self._comparison.is_hidden_champion)

    @cached_property
    def is_first_top_n(self) -> list[bool]:
        return _flags(self._comparison.is_first_top_n)

    @cached_property
    def is_hidden_champion(self) -> list[bool]:
        return _flags(self._comparison.is_hidden_champion)

    @cached_property
    def points_to_next_rank(self) -> list[float | None]:
        return _numbers(self._comparison.points_to_next_rank)

    @cached_property
    def points_to_top_n(self) -> list[float]:
        """Points missing to the last city of the Top N; 0 within it, and without a score."""
        top = [points for points, flag in zip(self.score, self.is_top_n, strict=True) if flag and points is not None]
        lowest = min(top, default=0.0)
        pairs = zip(self.score, self.is_top_n, strict=True)
        return [0.0 if points is None or is_top_n else max(0.0, lowest - points) for points, is_top_n in pairs]

    @cached_property
    def is_upper_half(self) -> list[bool]:
        return [rank is not None and 2 * rank <= len(self.rank) for rank in self.rank]

    def next_better(self, place: int) -> int | None:
        """The place of the city next better than the one at *place*, None for the best.

        Of several with an equal score the first by overall rank.
        """
        own = self.rank[place]
        better = max((rank for rank in self.rank if own is not None and rank is not None and rank < own), default=None)
        return None if better is None else self.rank.index(better)

    @property
    def compared(self) -> "tuple[NDArray[Any], ...]":
        """Score, rank, Top N and Hidden Champion as they are stored, NaN and rank 0 missing."""
        comparison = self._comparison
        return self._column.score, self._column.rank, comparison.is_top_n, comparison.is_hidden_champion

    @property
    def _comparison(self) -> Comparison:
        assert self._column.comparison is not None, f"{self.code} is compared with nothing"
        return self._column.comparison


def _numbers(figures: "NDArray[np.float64]") -> list[float | None]:
    numbers: list[Any] = figures.tolist()
    return [None if number != number else number for number in numbers] if np.isnan(figures).any() else numbers


def _ranks(figures: "NDArray[np.int32]") -> list[int | None]:
    return [rank or None for rank in figures.tolist()]


def _places(flags: "NDArray[np.bool_]") -> list[int]:
    places: list[int] = np.flatnonzero(flags).tolist()
    return places


def _flags(figures: "NDArray[np.bool_]") -> list[bool]:
    flags: list[bool] = figures.tolist()
    return flags
