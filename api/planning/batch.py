"""Batches: objects of one GraphQL type for which a plan answers a selection at once."""

from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from operator import attrgetter, itemgetter
from typing import Any, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

from api.planning.view import View, ViewList

T = TypeVar("T")


class Places:
    """Some places of a ranking, at least one, in the order of their answers."""

    def __init__(self, places: Sequence[int]) -> None:
        self.places = places
        # Takes a third of the time of a comprehension; of a single index it gives no tuple.
        self._take = itemgetter(*places) if len(places) > 1 else None

    def __len__(self) -> int:
        return len(self.places)

    def of(self, columns: Sequence[Sequence[T]]) -> list[T]:
        """The elements at these places, column by column."""
        if self._take is not None:
            return list(chain.from_iterable(map(self._take, columns)))
        [place] = self.places
        return [column[place] for column in columns]

    def repeat(self, values: Sequence[T]) -> Sequence[T]:
        """Each value as often as there are places."""
        return values if len(self.places) == 1 else [value for value in values for _ in self.places]


class Panel:
    """Some views side by side, wherever they are taken at.

    `kept` has what steps of plans found out about them, by step: a snapshot never changes.
    """

    def __init__(self, views: list[View], kept: MutableMapping[Any, Any]) -> None:
        self.views = views
        self.kept = kept
        self._columns: dict[str, list[Sequence[Any]]] = {}

    def columns(self, figure: str) -> list[Sequence[Any]]:
        """The column of each view."""
        if figure not in self._columns:
            self._columns[figure] = [getattr(view.standings, figure) for view in self.views]
        return self._columns[figure]


class Views:
    """Each view of a panel, at each of some places; *objects* are these, where they are there already."""

    def __init__(self, panel: Panel, places: Places, objects: list[Any] | None = None) -> None:
        self.panel = panel
        self.places = places
        self._objects = objects

    def __len__(self) -> int:
        return len(self.panel.views) * len(self.places)

    def figures(self, name: str) -> list[Any]:
        """A figure of each view at each place."""
        return self.places.of(self.panel.columns(name))

    def objects(self) -> list[Any]:
        if self._objects is None:
            self._objects = [view.at(place) for view in self.panel.views for place in self.places.places]
        return self._objects


@dataclass(frozen=True, slots=True)
class Objects:
    """Objects of one GraphQL type."""

    items: list[Any]

    def __len__(self) -> int:
        return len(self.items)

    def objects(self) -> list[Any]:
        return self.items


Batch: TypeAlias = Views | Objects


def batches(objects: Sequence[Any]) -> Iterator[Batch]:
    """Objects of one GraphQL type, in order: views of the same standings together."""
    if not objects:
        return
    if isinstance(objects, ViewList):
        yield Views(_panel(objects.view), Places(objects.places))
    elif isinstance(objects[0], View):
        for _, group in groupby(objects, key=attrgetter("standings")):
            views = list(group)
            yield Views(_panel(views[0]), Places([view.place for view in views]), views)
    else:
        yield Objects(list(objects))


def _panel(view: View) -> Panel:
    """The panel of one view. It lives as long as its snapshot, and what a step keeps there only as long as its plan."""
    panels: dict[type, Panel] = view.standings.derived
    kind = type(view)
    if kind not in panels:
        panels[kind] = Panel([view], WeakKeyDictionary())
    return panels[kind]
