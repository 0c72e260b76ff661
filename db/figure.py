"""Figures of a ranking: named arrays with a row for each measure and an element for each city."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from db import array

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Rows: TypeAlias = "NDArray[Any] | Sequence[NDArray[Any]]"
"""An array for each measure, or one of two dimensions."""

Figures: TypeAlias = Mapping[str, Rows]
"""Rows by the name of the figure."""

OF_ALL = ("value", "status", "score", "rank", "share", "estimated_share")
COMPARED = (
    "previous_score", "previous_rank", "is_top_n", "is_first_top_n", "is_hidden_champion", "points_to_next_rank",
)  # fmt: skip


class Received(dict[str, Rows]):
    """Rows as Postgres sent them, decoded when they are first asked for: most of a ranking is never looked at."""

    def __init__(self, contents: dict[str, list[bytes]]) -> None:
        super().__init__()
        self._contents = contents

    def __missing__(self, name: str) -> Rows:
        self[name] = rows = array.decode_rows(self._contents.pop(name))
        return rows


class Comparison:
    """What the overall score and a category have besides; one element a city, NaN and rank 0 mean missing.

    The edition before and the Top N of all earlier ones come from computed rankings, printed facts where
    an edition has none.
    """

    def __init__(self, figures: Figures, row: int) -> None:
        self._figures = figures
        self._row = row

    @property
    def previous_score(self) -> "NDArray[np.float64]":
        return self._figures["previous_score"][self._row]

    @property
    def previous_rank(self) -> "NDArray[np.int32]":
        return self._figures["previous_rank"][self._row]

    @property
    def is_top_n(self) -> "NDArray[np.bool_]":
        return self._figures["is_top_n"][self._row]

    @property
    def is_first_top_n(self) -> "NDArray[np.bool_]":
        return self._figures["is_first_top_n"][self._row]

    @property
    def is_hidden_champion(self) -> "NDArray[np.bool_]":
        return self._figures["is_hidden_champion"][self._row]

    @property
    def points_to_next_rank(self) -> "NDArray[np.float64]":
        return self._figures["points_to_next_rank"][self._row]


class Column:
    """The overall score (code `overall`) or one measure; every array has one element a city of the ranking.

    `value` is as recorded, on the measure's own scale, `status` a code of `db.score.STATUSES`, `score` 0-100,
    `share` the measure's effective share (0-1) of its parent's weight, `estimated_share` the share (0-1) of
    the score's weight that rests on estimates. NaN and rank 0 mean missing. Indicators and parameters have no
    `comparison`.
    """

    def __init__(self, code: str, figures: Figures, row: int, comparison: Comparison | None) -> None:
        self.code = code
        self.comparison = comparison
        self._figures = figures
        self._row = row

    @property
    def value(self) -> "NDArray[np.float64]":
        return self._figures["value"][self._row]

    @property
    def status(self) -> "NDArray[np.int16]":
        return self._figures["status"][self._row]

    @property
    def score(self) -> "NDArray[np.float64]":
        return self._figures["score"][self._row]

    @property
    def rank(self) -> "NDArray[np.int32]":
        return self._figures["rank"][self._row]

    @property
    def share(self) -> "NDArray[np.float64]":
        return self._figures["share"][self._row]

    @property
    def estimated_share(self) -> "NDArray[np.float64]":
        return self._figures["estimated_share"][self._row]
