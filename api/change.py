"""What moved between two rankings of one edition."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

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
    before, now = _standings(old, code), _standings(new, code)
    gone = [city for city in before if city not in now]
    for city in (*now, *gone):
        # Most cities stand where they stood, and tuples say so ten times sooner than objects.
        pair = before.get(city, ()), now.get(city, ())
        if pair[0] != pair[1]:
            yield Change(city, code, Standing(*pair[0]), Standing(*pair[1]))


def _standings(snapshot: Snapshot, code: str) -> dict[str, tuple[Any, ...]]:
    """What a `Standing` of each city has, best first."""
    found = snapshot.standings.get(code)
    if found is None or not found.has_comparison:
        return {}
    standings = zip(found.score, found.rank, found.is_top_n, found.is_hidden_champion, strict=True)
    return dict(zip(snapshot.ranking.cities, standings, strict=True))
