"""Two kinds of fields that the executor answers for many cities at once."""

from abc import abstractmethod
from typing import Any, Self

import strawberry

from api.standings import Standings

FIGURE = "figure"

# Metadata of a field of a view (see `View`) that has the same answer whatever the place, or views of the same place.
UNIFORM = {"uniform": True}


# Metadata of a field whose resolver is no coroutine and may give one.
MAY_WAIT = {"may_wait": True}


class View:
    """One place of the standings in one measure, or overall; mixed into Strawberry types."""

    place: int

    @property
    @abstractmethod
    def standings(self) -> Standings:
        """The standings of all places."""

    def at(self, place: int) -> Self:
        """The same view at another place."""
        # A quarter of the time of dataclasses.replace.
        other = object.__new__(type(self))
        other.__dict__ = {**self.__dict__, "place": place}
        return other


def column(figure: str, description: str) -> Any:
    """A field whose value is the view's element of a column of its `Standings`."""

    def resolve(self: View) -> Any:
        return getattr(self.standings, figure)[self.place]

    return strawberry.field(resolver=resolve, description=description, metadata={FIGURE: figure})
