"""Editions, the revision that counts their changes, and which of them stand ahead of their ranking."""

from dataclasses import dataclass

from db.pool import Reader, Writer

STATES = """
select e.year, e.revision, (select max(r.revision) from ranking r where r.edition = e.year) as ranked_revision
from edition e
order by e.year
"""

REVISIONS = """
select e.revision
from unnest($1::integer[]) with ordinality as key (year, position)
join edition e using (year)
order by key.position
"""

CITY_COUNTS = """
select edition, count(*) as city_count from member group by edition
"""

LOCK_FROM = """
select year, revision from edition where year = $1 or (year > $1 and revision > 0) order by year for update
"""

ADVANCE = """
update edition set revision = revision + 1 where year = any($1)
"""


@dataclass(frozen=True, slots=True)
class State:
    """Where an edition stands: `revision` 0 means no scores; `ranked_revision` None means no ranking yet."""

    year: int
    revision: int
    ranked_revision: int | None

    @property
    def is_stale(self) -> bool:
        """Its newest ranking is older than its scores."""
        return self.revision > (self.ranked_revision or 0)


async def states(reader: Reader) -> list[State]:
    """Where every edition stands, oldest first."""
    return [State(**row) for row in await reader.fetch(STATES)]


async def revisions(reader: Reader, years: list[int]) -> list[int]:
    """The revision at which each existing edition stands, in the order of *years*."""
    return [row["revision"] for row in await reader.fetch(REVISIONS, years)]


async def city_counts(reader: Reader) -> dict[int, int]:
    """How many cities each edition has, by year."""
    return {row["edition"]: row["city_count"] for row in await reader.fetch(CITY_COUNTS)}


async def lock_from(writer: Writer, year: int) -> dict[int, int]:
    """Lock an edition and the later ones compared with it; returns their revisions by year, oldest first.

    Locks are taken in one order, so writers of different editions never deadlock.
    Empty or without *year* when there is no such edition.
    """
    return {row["year"]: row["revision"] for row in await writer.fetch(LOCK_FROM, year)}


async def advance(writer: Writer, years: list[int]) -> None:
    """Advance the revision of locked editions by one."""
    await writer.execute(ADVANCE, years)
