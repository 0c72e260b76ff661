"""Batches: objects of one GraphQL type for which a plan answers a selection at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any, TypeAlias, TypeVar

from api.schema.column import View

T = TypeVar("T")


class Places:
    """Some places of a ranking, in the order of their answers."""

    def __init__(self, places: Sequence[int]) -> None:
        self.places = places
        # Takes a third of the time of a comprehension; of a single index it gives no tuple.
        self._take = itemgetter(*places) if len(places) > 1 else None

    def __len__(self) -> int:
        return len(self.places)

    def of(self, column: Sequence[T]) -> Sequence[T]:
        """The elements of a column at these places."""
        return self._take(column) if self._take else [column[place] for place in self.places]


class Views:
    """Each of some views, at each of some places; *objects* are these, where they are there already."""

    def __init__(self, views: list[View], places: Places, objects: list[Any] | None = None) -> None:
        self.views = views
        self.places = places
        self.standings = [view.standings for view in views]
        self._objects = objects

    def __len__(self) -> int:
        return len(self.views) * len(self.places)

    def figures(self, name: str) -> Sequence[Any]:
        if len(self.places) == 1:
            [place] = self.places.places
            return [column[place] for column in map(attrgetter(name), self.standings)]
        take = self.places.of
        return [figure for standings in self.standings for figure in take(getattr(standings, name))]

    def objects(self) -> list[Any]:
        if self._objects is None:
            self._objects = [view.at(place) for view in self.views for place in self.places.places]
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


def batches(objects: list[Any]) -> Iterator[Batch]:
    """Objects of one GraphQL type, in order: views of the same standings together."""
    if objects and isinstance(objects[0], View):
        if len(objects) == 1:
            yield Views(objects, Places([objects[0].place]), objects)
            return
        for _, group in groupby(objects, key=attrgetter("standings")):
            views = list(group)
            yield Views(views[:1], Places([view.place for view in views]), views)
    elif objects:
        yield Objects(objects)
