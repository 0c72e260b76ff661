"""What moved between two rankings of one edition."""

from collections.abc import Iterator
from dataclasses import dataclass

from api.snapshot import Snapshot
from db.composite.framework import OVERALL


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
    return [change for code in (OVERALL, *categories) for change in _changes_in(code, old, new)]


def _changes_in(code: str, old: Snapshot, new: Snapshot) -> Iterator[Change]:
    gone = [city for city in old.ranking.cities if city not in new.place]
    for city in (*new.ranking.cities, *gone):
        change = Change(city, code, _standing(old, code, city), _standing(new, code, city))
        if change.old != change.new:
            yield change


def _standing(snapshot: Snapshot, code: str, city: str) -> Standing:
    found, place = snapshot.standings.get(code), snapshot.place.get(city)
    if found is None or place is None or not found.has_comparison:
        return Standing()
    return Standing(found.score[place], found.rank[place], found.is_top_n[place], found.is_hidden_champion[place])
