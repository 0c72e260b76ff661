"""Cities: the units that an index compares."""

import re
from dataclasses import dataclass
from datetime import date

from db.postgres.pool import Reader

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")

ALL = """
select slug, name, state, population, population_date
from city
order by slug
"""

BY_SLUG = "select slug, name, state, population, population_date from city where slug = $1"

ONLY_IN_DRAFTS = """
select c.slug
from member m
join city c on c.id = m.city_id
join edition e on e.year = m.edition
group by c.slug
having every(e.published_at is null)
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


async def by_slug(reader: Reader, slug: str) -> City | None:
    """The city with that slug, None when there is none."""
    row = await reader.fetchrow(BY_SLUG, slug)
    return None if row is None else City(**row)


async def only_in_drafts(reader: Reader) -> frozenset[str]:
    """The slugs of the cities that some edition compares and no published one."""
    return frozenset(row["slug"] for row in await reader.fetch(ONLY_IN_DRAFTS))
