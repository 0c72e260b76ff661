"""Corrections: what changed in an edition since it was published, for readers."""

from dataclasses import dataclass
from datetime import datetime

from db.postgres.pool import Reader

# What was accepted in the transaction that published an edition, a load, is no correction of it.
OF_EDITION = """
select s.edition, s.revision, 0 as event, s.submitted_at as corrected_at, s.correction as reason
from edition e
join submission s on s.edition = e.year and s.change_count > 0 and s.revision > coalesce(
    (select max(v.revision) from edition_event v where v.edition = e.year and v.kind = 'published'),
    (select max(earlier.revision) from submission earlier
     where earlier.edition = e.year and earlier.submitted_at <= e.published_at),
    0)
where e.year = any($1::integer[]) and e.published_at is not null
union all
select v.edition, v.revision, v.id, v.occurred_at, v.reason
from edition_event v
join edition e on e.year = v.edition
where v.edition = any($1) and v.kind = 'reopened' and e.published_at is not null
order by edition, corrected_at desc, revision desc, event desc
"""

VALUES = """
select c.slug, m.code, sc.old_value, sc.new_value, key.position
from unnest($1::integer[], $2::integer[]) with ordinality as key (edition, revision, position)
join score_change sc on sc.edition = key.edition and sc.revision = key.revision
join measure m on m.id = sc.measure_id
join city c on c.id = sc.city_id
order by key.position, c.slug, m.position
"""


@dataclass(frozen=True, slots=True)
class Correction:
    """A submission to a published edition, or the opening of a closed one, whose `event` is not 0.

    `revision` is the one that it made, or at which the edition was opened; `reason` is None where none was given.
    """

    edition: int
    revision: int
    event: int
    corrected_at: datetime
    reason: str | None


@dataclass(frozen=True, slots=True)
class CorrectedValue:
    """A recorded value before and after; None where nothing was or is recorded."""

    city: str
    measure: str
    old_value: float | None
    new_value: float | None


async def by_edition(reader: Reader, editions: list[int]) -> list[list[Correction]]:
    """The corrections of each edition, newest first, in the order of *editions*; none of a draft."""
    found: dict[int, list[Correction]] = {edition: [] for edition in editions}
    for row in await reader.fetch(OF_EDITION, list(found)):
        found[row["edition"]].append(Correction(**row))
    return [found[edition] for edition in editions]


async def values_by_key(reader: Reader, keys: list[tuple[int, int]]) -> list[list[CorrectedValue]]:
    """The values that the submission of each (edition, revision) changed, by city, in key order."""
    found: list[list[CorrectedValue]] = [[] for _ in keys]
    for *fields, position in await reader.fetch(VALUES, [key[0] for key in keys], [key[1] for key in keys]):
        found[position - 1].append(CorrectedValue(*fields))
    return found
