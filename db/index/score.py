"""Recorded values of an edition and the audit of their changes."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from db.postgres import array
from db.postgres.pool import Reader, Writer

if TYPE_CHECKING:
    from numpy.typing import NDArray


class ValueStatus(StrEnum):
    """How far a value is known; `COMPUTED` is never recorded. The order is the stored code."""

    RECORDED = "recorded"
    PUBLISHED = "published"
    ROUNDED = "rounded"
    ESTIMATED = "estimated"
    COMPUTED = "computed"


STATUSES = tuple(ValueStatus)
STATUS_CODE = {status: code for code, status in enumerate(STATUSES)}

# Postgres refuses a message over 1 GiB; a batch of short sources is about 10 MB.
BATCH = 50_000

MEASURE_IDS = "select code, id from measure where edition = $1 order by position"

MEMBER_IDS = """
select c.slug, c.id from member m join city c on c.id = m.city_id where m.edition = $1 order by c.slug
"""

# One row a measure: a row a value takes asyncpg ten times as long. The numbers are those of STATUSES.
BY_EDITION = """
select s.measure_id, array_send(array_agg(s.city_id)) as cities, array_send(array_agg(s.value)) as figures,
       array_send(array_agg((case s.status when 'recorded' then 0 when 'published' then 1
                                           when 'rounded' then 2 else 3 end)::smallint)) as statuses
from score s
join measure m on m.id = s.measure_id
where m.edition = $1
group by s.measure_id
"""

AS_OF = """
select s.measure_id, array_send(array_agg(s.city_id)) as cities, array_send(array_agg(s.new_value)) as figures,
       array_send(array_agg((case s.new_status when 'recorded' then 0 when 'published' then 1
                                               when 'rounded' then 2 else 3 end)::smallint)) as statuses
from (select distinct on (measure_id, city_id) measure_id, city_id, new_value, new_status
      from score_change
      where edition = $1 and revision <= $2
      order by measure_id, city_id, revision desc) s
where s.new_value is not null
group by s.measure_id
"""

# The rows given, as they stand now: one line for each key, in any order, absent when not recorded.
CURRENT = """
select s.measure_id, s.city_id, s.value, s.status::text, s.source
from unnest($1::integer[], $2::integer[]) as key (measure_id, city_id)
join score s using (measure_id, city_id)
"""

UPSERT = """
insert into score (measure_id, city_id, value, status, source)
select * from unnest($1::integer[], $2::integer[], $3::double precision[], $4::value_status[], $5::text[])
on conflict (measure_id, city_id)
do update set value = excluded.value, status = excluded.status, source = excluded.source
"""

REMOVE = """
delete from score s
using unnest($1::integer[], $2::integer[]) as key (measure_id, city_id)
where s.measure_id = key.measure_id and s.city_id = key.city_id
"""

AUDIT = """
insert into score_change
    (edition, revision, measure_id, city_id, old_value, old_status, new_value, new_status, source)
select $1, $2, *
from unnest($3::integer[], $4::integer[], $5::double precision[], $6::value_status[],
            $7::double precision[], $8::value_status[], $9::text[])
"""

PROVENANCE = """
select s.source, s.submitted_at as recorded_at, s.submitted_by as recorded_by, s.old_value as previous_value
from unnest($1::integer[], $2::integer[], $3::text[], $4::text[])
     with ordinality as key (edition, revision, code, slug, position)
left join measure m on m.edition = key.edition and m.code = key.code
left join city c on c.slug = key.slug
left join lateral (
    select sc.source, sc.old_value, su.submitted_at, su.submitted_by
    from score_change sc
    join submission su on su.edition = sc.edition and su.revision = sc.revision
    where sc.measure_id = m.id and sc.city_id = c.id and sc.revision <= key.revision
    order by sc.revision desc
    limit 1
) s on true
order by key.position
"""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One recorded value on its measure's own scale; a *value* of None removes what is recorded."""

    measure_id: int
    city_id: int
    value: float | None
    status: ValueStatus | None
    source: str | None


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a value came from, when and from whom it was accepted, and what was recorded before; None if nothing."""

    source: str | None
    recorded_at: datetime | None
    recorded_by: str | None
    previous_value: float | None


ProvenanceKey = tuple[int, int, str, str]
"""Edition, revision, a measure's code and a city's slug."""


async def measure_ids(reader: Reader, edition: int) -> dict[str, int]:
    """Id of each measure of an edition, by code, in published order."""
    return {row["code"]: row["id"] for row in await reader.fetch(MEASURE_IDS, edition)}


async def member_ids(reader: Reader, edition: int) -> dict[str, int]:
    """Id of each city of an edition, by slug, in that order."""
    return {row["slug"]: row["id"] for row in await reader.fetch(MEMBER_IDS, edition)}


async def matrix(
    reader: Reader, edition: int, measures: dict[str, int], members: dict[str, int], as_of: int | None = None
) -> tuple["NDArray[np.float64]", "NDArray[np.uint8]"]:
    """Recorded values and their status codes, each (measures, cities) in the order of the given ids.

    A value that is not recorded is NaN, its status COMPUTED. Those that are recorded now or, from the audit trail,
    those of the revision *as_of*. Values of measures and cities that are not among the given ids are left out.
    """
    values = np.full((len(measures), len(members)), np.nan)
    statuses = np.full(values.shape, STATUS_CODE[ValueStatus.COMPUTED], dtype=np.uint8)
    row_of = {measure_id: row for row, measure_id in enumerate(measures.values())}
    ids = np.fromiter(members.values(), dtype=np.int32, count=len(members))
    by_id = np.argsort(ids)
    query, keys = (BY_EDITION, [edition]) if as_of is None else (AS_OF, [edition, as_of])
    for measure_id, *recorded in await reader.fetch(query, *keys):
        cities, figures, codes = map(array.decode, recorded)
        if measure_id not in row_of or not len(ids):
            continue
        # For an id that is not there searchsorted gives the place of another city.
        columns = by_id[np.searchsorted(ids, cities, sorter=by_id).clip(max=len(ids) - 1)]
        is_member = ids[columns] == cities
        values[row_of[measure_id], columns[is_member]] = figures[is_member]
        statuses[row_of[measure_id], columns[is_member]] = codes[is_member]
    return values, statuses


async def differing(reader: Reader, scores: list[Recorded]) -> list[Recorded]:
    """The scores that differ from what is recorded, in order."""
    current = await _current(reader, scores)
    return [new for old, new in zip(current, scores, strict=True) if old != new]


async def record(writer: Writer, edition: int, revision: int, scores: list[Recorded]) -> int:
    """Write the scores that differ from what is recorded and append one audit row for each.

    Returns how many differed. The submission (*edition*, *revision*) must exist at commit.
    """
    current = await _current(writer, scores)
    changes = [(old, new) for old, new in zip(current, scores, strict=True) if old != new]
    for start in range(0, len(changes), BATCH):
        await _write(writer, edition, revision, changes[start : start + BATCH])
    return len(changes)


async def _write(writer: Writer, edition: int, revision: int, changes: list[tuple[Recorded, Recorded]]) -> None:
    kept = [new for _, new in changes if new.value is not None]
    gone = [new for _, new in changes if new.value is None]
    await writer.execute(
        UPSERT,
        [new.measure_id for new in kept],
        [new.city_id for new in kept],
        [new.value for new in kept],
        [new.status for new in kept],
        [new.source for new in kept],
    )
    await writer.execute(REMOVE, [new.measure_id for new in gone], [new.city_id for new in gone])
    await writer.execute(
        AUDIT,
        edition,
        revision,
        [new.measure_id for _, new in changes],
        [new.city_id for _, new in changes],
        [old.value for old, _ in changes],
        [old.status for old, _ in changes],
        [new.value for _, new in changes],
        [new.status for _, new in changes],
        [new.source for _, new in changes],
    )


async def provenance_by_key(reader: Reader, keys: list[ProvenanceKey]) -> list[Provenance]:
    """Source and time of each value as of its revision, in the order of *keys*."""
    columns = [list(column) for column in zip(*keys, strict=True)]
    return [Provenance(**row) for row in await reader.fetch(PROVENANCE, *columns)]


async def _current(reader: Reader, scores: list[Recorded]) -> list[Recorded]:
    """What is recorded under the key of each score, in the same order."""
    rows = await reader.fetch(CURRENT, [score.measure_id for score in scores], [score.city_id for score in scores])
    found = {
        (row["measure_id"], row["city_id"]): Recorded(
            row["measure_id"], row["city_id"], row["value"], ValueStatus(row["status"]), row["source"]
        )
        for row in rows
    }
    return [
        found.get((score.measure_id, score.city_id), Recorded(score.measure_id, score.city_id, None, None, None))
        for score in scores
    ]
