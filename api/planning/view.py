"""Views, which are objects that show one row of a ranking's column, and kinds of fields that plans answer at once.

`place` is the index of a row, best first.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, Self, TypeVar, overload

import strawberry

from api.state.standings import Standings

FIGURE = "figure"

# Metadata of a field of a view that has the same answer in every row, or gives views of the same row.
UNIFORM = {"uniform": True}

# Metadata of a field of a view that has the same answer in every column: a `ByPlace`.
BY_PLACE = "by_place"

# Metadata of a field whose resolver is no coroutine and may give one.
MAY_WAIT = {"may_wait": True}


class View:
    """One row of the standings in one measure, or overall; mixed into Strawberry types."""

    place: int

    @property
    @abstractmethod
    def standings(self) -> Standings:
        """The standings of all rows."""

    def at(self, place: int) -> Self:
        """The same view of another row."""
        # A quarter of the time of dataclasses.replace.
        other = object.__new__(type(self))
        other.__dict__ = {**self.__dict__, "place": place}
        return other


V = TypeVar("V", bound=View)


class ViewList(Sequence[V], Generic[V]):
    """A view of several rows, each an object only when it is looked at."""

    def __init__(self, view: V, rows: Sequence[int]) -> None:
        self.view = view
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> V: ...
    @overload
    def __getitem__(self, index: slice) -> "ViewList[V]": ...
    def __getitem__(self, index: int | slice) -> "V | ViewList[V]":
        if isinstance(index, slice):
            return ViewList(self.view, self.rows[index])
        return self.view.at(self.rows[index])

    def __iter__(self) -> Iterator[V]:
        return map(self.view.at, self.rows)


ByPlace = Callable[[Any, Any, Sequence[int]], list[Any]]
"""From the context, a view and rows: what the field gives for that view in each row."""


def column(figure: str, description: str) -> Any:
    """A field whose value is the view's element of a column of its `Standings`."""

    def resolve(self: View) -> Any:
        return getattr(self.standings, figure)[self.place]

    return strawberry.field(resolver=resolve, description=description, metadata={FIGURE: figure})
