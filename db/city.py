"""Cities: the units that an index compares."""

from dataclasses import dataclass
from datetime import date

from db.pool import Reader

ALL = """
select slug, name, state, population, population_date
from city
order by slug
"""


@dataclass(frozen=True, slots=True)
class City:
    """`population` is for display; None where unknown."""

    slug: str
    name: str
    state: str
    population: int | None
    population_date: date | None


async def all_cities(reader: Reader) -> list[City]:
    """Every city, by slug."""
    return [City(**row) for row in await reader.fetch(ALL)]
