"""Editions, the revision that counts their changes, and which of them stand ahead of their ranking."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from db.postgres.pool import Reader, Writer

STATES = """
select e.year, e.revision, newest.revision as ranked_revision,
       -- In the order of the index: without one, the planner reads all changes of all editions.
       (select sc.revision from score_change sc where sc.edition = e.year order by sc.revision limit 1)
           is not null as has_scores,
       (select max(d.id) from definition d where d.edition = e.year) as definition,
       e.review_required,
       e.published_at is not null as is_published,
       coalesce(r.attempts, 0) as attempts, coalesce(r.attempts > 1 or r.error is not null, false) as has_failed,
       e.closed_at is null and newest.basis is not null and newest.revision = e.revision and exists (
           select from edition earlier
           where earlier.year < e.year and earlier.published_at is not null
             and (select max(ranked.revision) from ranking ranked where ranked.edition = earlier.year)
                 > coalesce((newest.basis -> 'rankings' ->> earlier.year::text)::integer, 0)) as is_outdated
from edition e
left join lateral (
    select ranked.revision, ranked.basis
    from ranking ranked
    where ranked.edition = e.year
    order by ranked.revision desc
    limit 1
) newest on true
left join recomputation r
    on r.edition = e.year and r.revision = e.revision and r.revision is distinct from newest.revision
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

# Not `for update`, which would wait for a worker that stores a ranking: that refers to its edition.
# A closed edition is final: what was corrected before it does not change it any more. Nothing is compared with a draft.
LOCK_FROM = """
select year, revision, closed_at is not null as is_closed, review_required, publish_at, published_at
from edition
where year = $1 or (
    year > $1 and revision > 0 and closed_at is null
    and exists (select from edition changed where changed.year = $1 and changed.published_at is not null)
)
order by year
for no key update
"""

LOCK_ALL = """
select year, revision, closed_at is not null as is_closed, review_required, publish_at, published_at
from edition
order by year
for no key update
"""

REQUIRE_REVIEW = """
with changed as (
    update edition set review_required = $2 where year = $1 and review_required <> $2 returning year
)
insert into review_change (edition, review_required, changed_by) select year, $2, $3 from changed
"""

LIVES = "select year, publish_at, published_at, closed_at from edition"

ADVANCE = """
update edition set revision = revision + 1 where year = any($1)
"""


@dataclass(frozen=True, slots=True)
class EditionProgress:
    """Where an edition stands.

    `ranked_revision` None means no ranking yet, which is final without any scores; `attempts` counts those to rank the
    newest revision, the one under way included; `has_failed` is True when one of them has; with `review_required`, what
    editors submit waits for an admin. `definition` is the id of the newest one. `is_outdated` is True for an open
    edition that was ranked before an earlier one, a parked one or a draft, was there to be compared with.
    """

    year: int
    revision: int
    ranked_revision: int | None
    has_scores: bool
    definition: int
    review_required: bool
    is_published: bool
    attempts: int
    has_failed: bool
    is_outdated: bool

    @property
    def is_stale(self) -> bool:
        """It has scores, and its newest ranking is older than its newest change."""
        return self.has_scores and self.revision > (self.ranked_revision or 0)

    def is_due(self, most_attempts: int) -> bool:
        """It is stale, and not parked: that is what it is after so many attempts, until its inputs change."""
        return self.is_stale and self.attempts < most_attempts


class State(StrEnum):
    """Where an edition is in its life."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    PUBLISHED = "published"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Life:
    """When an edition is, or was, published and closed; `publish_at` is None unless that lies ahead."""

    publish_at: datetime | None
    published_at: datetime | None
    closed_at: datetime | None

    @property
    def state(self) -> State:
        if self.closed_at is not None:
            return State.CLOSED
        if self.published_at is not None:
            return State.PUBLISHED
        return State.DRAFT if self.publish_at is None else State.SCHEDULED


@dataclass(frozen=True, slots=True)
class Locked:
    """A locked edition; a closed one takes no more changes."""

    year: int
    revision: int
    is_closed: bool
    review_required: bool
    publish_at: datetime | None
    published_at: datetime | None


async def states(reader: Reader) -> list[EditionProgress]:
    """Where every edition stands, oldest first."""
    return [EditionProgress(**row) for row in await reader.fetch(STATES)]


async def states_of(reader: Reader, years: list[int]) -> list[EditionProgress]:
    """Where each existing edition stands, in the order of *years*."""
    found = {state.year: state for state in await states(reader)}
    return [found[year] for year in years]


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


async def require_review(writer: Writer, year: int, required: bool, changed_by: str) -> None:
    """Let what editors submit to a locked edition wait for an admin, or no longer; what is so already stays so."""
    await writer.execute(REQUIRE_REVIEW, year, required, changed_by)


async def lives(reader: Reader) -> dict[int, Life]:
    """When each edition is, or was, published and closed, by year."""
    return {year: Life(*instants) for year, *instants in await reader.fetch(LIVES)}


async def advance(writer: Writer, years: list[int]) -> None:
    """Advance the revision of locked editions by one."""
    await writer.execute(ADVANCE, years)
