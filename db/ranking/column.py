"""Figures of a ranking: named arrays with a row for each measure and an element for each city."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from db.postgres import array

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Rows: TypeAlias = "Sequence[NDArray[Any]]"
"""An array for each measure."""

Figures: TypeAlias = Mapping[str, Rows]
"""Rows by the name of the figure."""


LARGE_BYTES = 1024 * 1024


class Received(dict[str, Rows]):
    """Rows as Postgres sent them, decoded when they are first asked for: most of a ranking is never looked at.

    A row that was not sent, None, is that of *before*. Large ones are decoded at once: as they are sent, they take half
    as much memory again.
    """

    def __init__(self, sent: dict[str, list[bytes | None]], before: Figures) -> None:
        super().__init__()
        held = {**before._rows, **before} if isinstance(before, Received) else before
        self._rows: dict[str, list[Any]] = {
            name: [held[name][row] if each is None else each for row, each in enumerate(rows)]
            for name, rows in sent.items()
        }
        for name, rows in sent.items():
            if sum(len(each) for each in rows if each is not None) > LARGE_BYTES:
                self._decode(name)

    def __missing__(self, name: str) -> Rows:
        return self._decode(name)

    def _decode(self, name: str) -> Rows:
        rows = self._rows.pop(name)
        decoded = iter(array.decode_rows([row for row in rows if isinstance(row, bytes)]))
        self[name] = whole = [next(decoded) if isinstance(row, bytes) else row for row in rows]
        return whole


class Ordered(dict[str, Rows]):
    """Figures with their elements in another order, put into it when they are first asked for."""

    def __init__(self, figures: Figures, order: "NDArray[np.intp]") -> None:
        super().__init__()
        self._figures = figures
        self._order = order

    def __missing__(self, name: str) -> Rows:
        self[name] = rows = [row.take(self._order) for row in self._figures[name]]
        return rows


class Figure:
    """An attribute of a `Row`: its row of the figure with that name."""

    def __set_name__(self, _: type, name: str) -> None:
        self._name = name

    def __get__(self, row: "Row", _: type) -> Any:
        return row.figures[self._name][row.number]


def figure() -> Any:
    """A `Figure`, which stands for an array."""
    return Figure()


class Row:
    """A row of some figures."""

    def __init__(self, figures: Figures, number: int) -> None:
        self.figures = figures
        self.number = number


class Comparison(Row):
    """What the overall score and a category have besides; one element a city, NaN and rank 0 mean missing.

    The edition before and the Top N of all earlier ones come from computed rankings, printed facts where
    an edition has none.
    """

    previous_score: "NDArray[np.float64]" = figure()
    previous_rank: "NDArray[np.int32]" = figure()
    is_top_n: "NDArray[np.bool_]" = figure()
    is_first_top_n: "NDArray[np.bool_]" = figure()
    is_hidden_champion: "NDArray[np.bool_]" = figure()
    points_to_next_rank: "NDArray[np.float64]" = figure()


class Column(Row):
    """The overall score (code `overall`) or one measure; every array has one element a city of the ranking.

    `value` is as recorded, on the measure's own scale, `status` a code of `db.index.score.STATUSES`, `score` 0-100,
    `share` the measure's effective share (0-1) of its parent's weight, `estimated_share` the share (0-1) of
    the score's weight that rests on estimates. NaN and rank 0 mean missing. Indicators and parameters have no
    `comparison`.
    """

    def __init__(self, code: str, figures: Figures, number: int, comparison: Comparison | None) -> None:
        super().__init__(figures, number)
        self.code = code
        self.comparison = comparison

    value: "NDArray[np.float64]" = figure()
    status: "NDArray[np.int16]" = figure()
    score: "NDArray[np.float64]" = figure()
    rank: "NDArray[np.int32]" = figure()
    share: "NDArray[np.float64]" = figure()
    estimated_share: "NDArray[np.float64]" = figure()


OF_ALL = tuple(name for name, each in vars(Column).items() if isinstance(each, Figure))
COMPARED = tuple(name for name, each in vars(Comparison).items() if isinstance(each, Figure))
