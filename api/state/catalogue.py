"""What changes seldom: cities, editions with their frameworks, and published facts, in memory."""

import unicodedata
from collections import defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from db.composite.framework import Framework
from db.index import city, edition, framework, published
from db.index.city import City
from db.index.edition import Life
from db.index.published import Published
from db.postgres.pool import Reader


@dataclass(frozen=True, slots=True)
class EditionEntry:
    """One edition as it stands now."""

    year: int
    framework: Framework
    city_count: int
    life: Life

    @property
    def is_published(self) -> bool:
        return self.life.published_at is not None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """`cities` by slug, in the order of their names; `editions` by year, newest first.

    `draft_cities` has the slugs of those that only drafts compare.
    `nodes` has the cities as clients see them, by slug, once somebody has asked for one.
    """

    cities: dict[str, City]
    editions: dict[int, EditionEntry]
    published: dict[str, list[Published]]
    draft_cities: frozenset[str] = frozenset()
    nodes: dict[str, Any] = field(default_factory=dict)


async def read(reader: Reader) -> Catalogue:
    """The catalogue as stored, in eight statements."""
    cities = sorted(await city.all_cities(reader), key=lambda found: name_key(found.name, found.slug))
    years = [state.year for state in reversed(await edition.states(reader))]
    frameworks = await framework.by_edition(reader, years)
    counts = await edition.city_counts(reader)
    lives = await edition.lives(reader)
    facts = defaultdict(list)
    for fact in await published.all_published(reader):
        facts[fact.city].append(fact)
    return Catalogue(
        {found.slug: found for found in cities},
        {
            year: EditionEntry(year, found, counts.get(year, 0), lives[year])
            for year, found in zip(years, frameworks, strict=True)
        },
        dict(facts),
        await city.only_in_drafts(reader),
    )


def name_key(name: str, slug: str) -> tuple[str, str]:
    """Sorts names as a German index does: umlauts with their vowels, case ignored, equal names by slug."""
    return folded(name), slug


@lru_cache(maxsize=20_000)
def folded(name: str) -> str:
    """A name without case and accents, for comparing."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def in_range(population: int | None, lowest: int | None, highest: int | None) -> bool:
    """Whether a population lies between the limits given; an unknown one only when none is."""
    if population is None:
        return lowest is None and highest is None
    return (lowest is None or population >= lowest) and (highest is None or population <= highest)
