"""The audit of scores in pages, newest first: what each submission changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from db.index.score import ValueStatus
from db.postgres.pool import Reader

# Each half of `matching` has an index; the other one is empty for its key.
PAGES = """
select key.position, page.*
from unnest($1::text[], $2::integer[], $3::integer[], $4::text[],
            $5::integer[], $6::integer[], $7::integer[], $8::integer[],
            $9::integer[], $10::integer[], $11::integer[], $12::integer[], $13::integer[], $14::boolean[])
     with ordinality as key (city, edition, revision, measure,
                             after_edition, after_revision, after_measure_id, after_city_id,
                             before_edition, before_revision, before_measure_id, before_city_id,
                             size, is_last, position)
cross join lateral (
    with matching as (
        select sc.* from score_change sc
        where sc.city_id = (select id from city where slug = key.city)
          and (key.edition is null or sc.edition = key.edition)
        union all
        select sc.* from score_change sc
        where key.city is null and sc.edition = key.edition and sc.revision = key.revision
    ), numbered as materialized (
        select sc.edition, sc.revision, sc.measure_id, sc.city_id, m.code as measure, c.slug as city,
               sc.old_value, sc.old_status::text, sc.new_value, sc.new_status::text, sc.source,
               row_number() over (order by sc.edition desc, sc.revision desc, sc.measure_id, sc.city_id) as number,
               count(*) over () as total
        from matching sc
        join measure m on m.id = sc.measure_id
        join city c on c.id = sc.city_id
        where key.measure is null or m.code = key.measure
    ), bound as (
        select coalesce((select total from numbered limit 1), 0) as total_count,
               (select number from numbered where (edition, revision, measure_id, city_id)
                = (key.after_edition, key.after_revision, key.after_measure_id, key.after_city_id)) as after_number,
               (select number from numbered where (edition, revision, measure_id, city_id)
                = (key.before_edition, key.before_revision, key.before_measure_id, key.before_city_id))
                as before_number
    )
    select bound.total_count, bound.after_number, bound.before_number, found.edition, found.revision,
           found.measure_id, found.city_id, found.measure, found.city, found.old_value, found.old_status,
           found.new_value, found.new_status, found.source, found.number
    from bound
    left join lateral (
        select numbered.* from numbered
        where number > coalesce(bound.after_number, 0)
          and number < coalesce(bound.before_number, bound.total_count + 1)
        order by case when key.is_last then -number else number end
        limit key.size
    ) found on true
) page
order by key.position, page.number
"""

Place = tuple[int, int, int, int]
"""Edition, revision, measure id and city id: the key of one audit row."""


@dataclass(frozen=True, slots=True)
class PageKey:
    """A page of one city's audit, or of one submission's, named by *edition* and *revision* without a *city*.

    With a city, *edition* and *measure* narrow it down. The page has the first *size* rows after *after* and before
    *before*, or the last ones.
    """

    city: str | None
    edition: int | None
    revision: int | None
    measure: str | None
    after: Place | None
    before: Place | None
    size: int
    is_last: bool


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One change of one value, on its measure's own scale; None means that nothing was recorded."""

    place: Place
    measure: str
    city: str
    old_value: float | None
    old_status: ValueStatus | None
    new_value: float | None
    new_status: ValueStatus | None
    source: str | None


@dataclass(frozen=True, slots=True)
class AuditPage:
    """The rows of one page, newest first; `start` is the number before its first row in all `total_count` rows.

    `is_known` is False when a place that was given is not in the audit.
    """

    rows: Sequence[AuditRow]
    start: int
    total_count: int
    is_known: bool


async def pages(reader: Reader, keys: list[PageKey]) -> list[AuditPage]:
    """One page a key, in key order, in one statement."""
    columns: list[list[Any]] = [list(column) for column in zip(*map(_parameters, keys), strict=True)]
    found: list[list[Any]] = [[] for _ in keys]
    for row in await reader.fetch(PAGES, *columns):
        found[row["position"] - 1].append(row)
    return [_page(key, rows) for key, rows in zip(keys, found, strict=True)]


def _parameters(key: PageKey) -> tuple[Any, ...]:
    nowhere = (None, None, None, None)
    return (
        key.city, key.edition, key.revision, key.measure,
        *(key.after or nowhere), *(key.before or nowhere), key.size, key.is_last,
    )  # fmt: skip


def _page(key: PageKey, rows: list[Any]) -> AuditPage:
    first = rows[0]
    is_known = (key.after is None or first["after_number"] is not None) and (
        key.before is None or first["before_number"] is not None
    )
    return AuditPage(
        [_row(row) for row in rows if row["number"] is not None],
        (first["number"] or 1) - 1,
        first["total_count"],
        is_known,
    )


def _row(row: Any) -> AuditRow:
    old, new = row["old_status"], row["new_status"]
    return AuditRow(
        (row["edition"], row["revision"], row["measure_id"], row["city_id"]),
        row["measure"], row["city"],
        row["old_value"], None if old is None else ValueStatus(old),
        row["new_value"], None if new is None else ValueStatus(new),
        row["source"],
    )  # fmt: skip
