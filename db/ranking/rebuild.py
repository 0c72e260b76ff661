"""Rebuilds stored rankings from the audit trail: the scores of their revision and the definitions they rest on."""

from dataclasses import dataclass

from db.composite.rank import differs
from db.postgres.pool import Reader
from db.ranking import compute, inputs, ranking
from db.ranking.ranking import Ranking, RankingKey


@dataclass(frozen=True, slots=True)
class Difference:
    """A stored ranking that the audit trail does not give; `what` is `inputs` or `figures`."""

    edition: int
    revision: int
    what: str


@dataclass(frozen=True, slots=True)
class Report:
    """`rebuilt` rankings were compared; `skipped` were stored before their basis was kept."""

    rebuilt: tuple[RankingKey, ...]
    skipped: tuple[RankingKey, ...]
    differences: tuple[Difference, ...]


async def rebuild(reader: Reader, year: int | None) -> Report:
    """Compute every stored ranking of an edition, or of all, again; *reader* must be one repeatable-read transaction.

    A later edition is compared with the stored rankings of earlier ones, which are themselves rebuilt.
    Raises `LookupError` when *year* has no ranking.
    """
    keys = await ranking.keys(reader, year)
    if year is not None and not keys:
        raise LookupError(f"edition {year} has no ranking")
    rebuilt, skipped, differences = [], [], []
    for key in keys:
        [stored] = await ranking.by_key(reader, [key])
        assert stored is not None
        if stored.basis is None:
            skipped.append(key)
            continue
        rebuilt.append(key)
        again = compute.compute(await inputs.read_again(reader, *key, stored.basis))
        if what := _difference(stored, again):
            differences.append(Difference(*key, what))
    return Report(tuple(rebuilt), tuple(skipped), tuple(differences))


def _difference(stored: Ranking, again: Ranking) -> str | None:
    if stored.basis is None or stored.basis.version != inputs.VERSION:
        return None if _have_equal_scores(stored, again) else "figures"
    if stored.input_hash != again.input_hash:
        return "inputs"
    return None if again.has_same_figures_as(stored) else "figures"


def _have_equal_scores(stored: Ranking, again: Ranking) -> bool:
    """Whether the same cities have equal scores: another version may hash, round and rank in another way."""
    place = {city: index for index, city in enumerate(again.cities)}
    if place.keys() != set(stored.cities) or stored.framework.position.keys() != again.framework.position.keys():
        return False
    order = [place[city] for city in stored.cities]
    pairs = zip(stored.columns, again.columns, strict=True)
    return not any(differs(one.score, other.score[order]).any() for one, other in pairs)
