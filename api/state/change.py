"""What moved between two rankings of one edition."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from api.state.snapshot import Snapshot
from db.composite.framework import OVERALL
from db.composite.rank import RESOLUTION, differs

if TYPE_CHECKING:
    from numpy.typing import NDArray

NOWHERE = -1


@dataclass(frozen=True, slots=True)
class Standing:
    """A city's place in the overall ranking or in a category; all empty where it has none."""

    score: float | None = None
    rank: int | None = None
    is_top_n: bool = False
    is_hidden_champion: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """A city whose standing differs; `code` is `overall` or a category's."""

    city: str
    code: str
    old: Standing
    new: Standing


def changes(old: Snapshot, new: Snapshot) -> list[Change]:
    """Every difference in score, rank or flag: overall by new rank, then category by category."""
    categories = [new.ranking.framework.measures[i].code for i in new.ranking.framework.categories]
    gone = [city for city in old.ranking.cities if city not in new.place]
    places = np.array([old.place.get(city, NOWHERE) for city in new.ranking.cities], dtype=np.intp)
    found = [
        Change(city, code, _standing(old, code, city), _standing(new, code, city))
        for code in (OVERALL, *categories)
        for city in (*_moved(code, old, new, places), *gone)
    ]
    return [change for change in found if _is_different(change)]


def _moved(code: str, old: Snapshot, new: Snapshot, places: "NDArray[np.intp]") -> Sequence[str]:
    """The cities of the newer ranking that may stand elsewhere, best first; *places* are theirs in the older one.

    Most cities stand where they stood: arrays say so ten times sooner than objects.
    """
    before, now = _compared(old, code), _compared(new, code)
    if not before or not len(old.ranking.cities):
        return new.ranking.cities
    moved = places == NOWHERE
    old_score, *old_rest = before
    score, *rest = now
    moved |= differs(old_score[places], score)
    for was, now_is in zip(old_rest, rest, strict=True):
        moved |= was[places] != now_is
    return [new.ranking.cities[place] for place in np.flatnonzero(moved)]


def _is_different(change: Change) -> bool:
    """Whether rank, flags or score differ, the score by as much as counts."""
    old, new = change.old, change.new
    if old.score is not None and new.score is not None and abs(old.score - new.score) < RESOLUTION:
        return replace(old, score=new.score) != new
    return old != new


def _compared(snapshot: Snapshot, code: str) -> "tuple[NDArray[Any], ...]":
    """What a `Standing` of each city has; nothing when the ranking has no such category."""
    found = snapshot.standings.get(code)
    return () if found is None or not found.has_comparison else found.compared


def _standing(snapshot: Snapshot, code: str, city: str) -> Standing:
    found, place = snapshot.standings.get(code), snapshot.place.get(city)
    if found is None or place is None or not found.has_comparison:
        return Standing()
    return Standing(found.score[place], found.rank[place], found.is_top_n[place], found.is_hidden_champion[place])
