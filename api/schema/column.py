"""Two kinds of fields that the executor answers for many cities at once."""

from typing import Any, Protocol

import strawberry

from api.standings import Standings

FIGURE = "figure"

# Metadata of a field of a view (see `View`) that has the same answer whatever the place, or views of the same place.
UNIFORM = {"uniform": True}


class View(Protocol):
    """One place of the standings in one measure, or overall."""

    place: int

    @property
    def standings(self) -> Standings: ...


def column(figure: str, description: str) -> Any:
    """A field whose value is the view's element of a column of its `Standings`."""

    def resolve(self: View) -> Any:
        return getattr(self.standings, figure)[self.place]

    return strawberry.field(resolver=resolve, description=description, metadata={FIGURE: figure})
