"""Editions, the revision that counts their changes, and which of them stand ahead of their ranking."""

from dataclasses import dataclass
from datetime import datetime

from db.pool import Reader, Writer

STATES = """
select e.year, e.revision, (select max(r.revision) from ranking r where r.edition = e.year) as ranked_revision,
       exists (select from score_change sc where sc.edition = e.year) as has_scores
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

# A closed edition is final: what was corrected before it does not change it any more.
LOCK_FROM = """
select year, revision, closed_at is not null as is_closed
from edition
where year = $1 or (year > $1 and revision > 0 and closed_at is null)
order by year
for update
"""

LOCK_ALL = "select year, revision, closed_at is not null as is_closed from edition order by year for update"

CLOSE = "update edition set closed_at = now(), closed_by = $2 where year = $1 and closed_at is null"

CLOSED = "select year, closed_at from edition where closed_at is not null"

ADVANCE = """
update edition set revision = revision + 1 where year = any($1)
"""


@dataclass(frozen=True, slots=True)
class State:
    """Where an edition stands: `ranked_revision` None means no ranking yet, which is final without any scores."""

    year: int
    revision: int
    ranked_revision: int | None
    has_scores: bool

    @property
    def is_stale(self) -> bool:
        """It has scores, and its newest ranking is older than its newest change."""
        return self.has_scores and self.revision > (self.ranked_revision or 0)


@dataclass(frozen=True, slots=True)
class Locked:
    """A locked edition; a closed one takes no more changes."""

    year: int
    revision: int
    is_closed: bool


async def states(reader: Reader) -> list[State]:
    """Where every edition stands, oldest first."""
    return [State(**row) for row in await reader.fetch(STATES)]


async def revisions(reader: Reader, years: list[int]) -> list[int]:
    """The revision at which each existing edition stands, in the order of *years*."""
    return [row["revision"] for row in await reader.fetch(REVISIONS, years)]


async def city_counts(reader: Reader) -> dict[int, int]:
    """How many cities each edition has, by year."""
    return {row["edition"]: row["city_count"] for row in await reader.fetch(CITY_COUNTS)}


async def lock_from(writer: Writer, year: int) -> dict[int, Locked]:
    """Lock an edition and the open later ones compared with it, by year, oldest first.

    Locks are taken in one order, so writers of different editions never deadlock.
    Empty or without *year* when there is no such edition.
    """
    return {row["year"]: Locked(**row) for row in await writer.fetch(LOCK_FROM, year)}


async def lock_all(writer: Writer) -> list[Locked]:
    """Lock every edition, oldest first."""
    return [Locked(**row) for row in await writer.fetch(LOCK_ALL)]


async def close(writer: Writer, year: int, closed_by: str) -> None:
    """Close a locked edition for good; closing it again changes nothing."""
    await writer.execute(CLOSE, year, closed_by)


async def closed_at(reader: Reader) -> dict[int, datetime]:
    """When each closed edition was closed, by year."""
    return {row["year"]: row["closed_at"] for row in await reader.fetch(CLOSED)}


async def advance(writer: Writer, years: list[int]) -> None:
    """Advance the revision of locked editions by one."""
    await writer.execute(ADVANCE, years)
