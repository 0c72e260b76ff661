"""Batches: objects of one GraphQL type for which a plan answers a selection at once."""

from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from operator import attrgetter, itemgetter
from typing import Any, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

from api.planning.view import View, ViewList

T = TypeVar("T")


class Rows:
    """Some rows of a ranking, at least one, in the order of their answers."""

    def __init__(self, rows: Sequence[int]) -> None:
        self.rows = rows
        # Takes a third of the time of a comprehension; of a single index it gives no tuple.
        self._take = itemgetter(*rows) if len(rows) > 1 else None

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, columns: Sequence[Sequence[T]]) -> list[T]:
        """The elements in these rows, column by column."""
        if self._take is not None:
            return list(chain.from_iterable(map(self._take, columns)))
        [row] = self.rows
        return [column[row] for column in columns]

    def repeat(self, values: Sequence[T]) -> Sequence[T]:
        """Each value as often as there are rows."""
        return values if len(self.rows) == 1 else [value for value in values for _ in self.rows]


class Columns:
    """Some columns of a ranking, each given by a view of one row of it.

    `results` has what steps of plans have worked out for all rows, by step: a snapshot never changes.
    """

    def __init__(self, views: list[View], results: MutableMapping[Any, Any]) -> None:
        self.views = views
        self.results = results
        self._values: dict[str, list[Sequence[Any]]] = {}

    def values(self, name: str) -> list[Sequence[Any]]:
        """The values of that name of all rows, column by column."""
        if name not in self._values:
            self._values[name] = [getattr(view.standings, name) for view in self.views]
        return self._values[name]


class Table:
    """Each of some columns in each of some rows; *objects* are its views, where they are there already."""

    def __init__(self, columns: Columns, rows: Rows, objects: list[Any] | None = None) -> None:
        self.columns = columns
        self.rows = rows
        self._objects = objects

    def __len__(self) -> int:
        return len(self.columns.views) * len(self.rows)

    def values(self, name: str) -> list[Any]:
        """The values of that name, column by column and row by row."""
        return self.rows.take(self.columns.values(name))

    def objects(self) -> list[Any]:
        if self._objects is None:
            self._objects = [view.at(row) for view in self.columns.views for row in self.rows.rows]
        return self._objects


@dataclass(frozen=True, slots=True)
class Objects:
    """Objects of one GraphQL type."""

    items: list[Any]

    def __len__(self) -> int:
        return len(self.items)

    def objects(self) -> list[Any]:
        return self.items


Batch: TypeAlias = Table | Objects


def batches(objects: Sequence[Any]) -> Iterator[Batch]:
    """Objects of one GraphQL type, in order: views of the same column together."""
    if not objects:
        return
    if isinstance(objects, ViewList):
        yield Table(_column(objects.view), Rows(objects.rows))
    elif isinstance(objects[0], View):
        for _, group in groupby(objects, key=attrgetter("standings")):
            views = list(group)
            yield Table(_column(views[0]), Rows([view.place for view in views]), views)
    else:
        yield Objects(list(objects))


def _column(view: View) -> Columns:
    """The column of one view. It lives as long as its snapshot, and each of its results only as long as its plan."""
    columns: dict[type, Columns] = view.standings.derived
    kind = type(view)
    if kind not in columns:
        columns[kind] = Columns([view], WeakKeyDictionary())
    return columns[kind]
