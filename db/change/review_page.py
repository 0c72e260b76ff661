"""Score proposals that wait or waited for an admin in pages, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass

from db.change.review import ProposalStatus, StoredProposal, stored
from db.postgres.pool import Reader

# Whether an item still matches does not matter for the place that its id names.
PAGE = """
with matching as materialized (
    select id, row_number() over (order by id desc) as number
    from proposal
    where ($1::integer is null or edition = $1)
      and ($2::text is null or status = $2)
      and ($3::text is null or proposed_by = $3)
), bound as (
    select count(*) as total_count,
           count(*) filter (where id >= $4::integer) as before_count,
           count(*) filter (where id > $5::integer) as until_count
    from matching
)
select bound.total_count, bound.before_count, bound.until_count, found.number,
       p.id, p.edition, p.status, p.proposed_by, p.proposed_at, p.source, p.decided_by, p.decided_at, p.reason,
       p.revision, p.correction
from bound
left join lateral (
    select id, number from matching
    where ($4 is null or id < $4) and ($5 is null or id > $5)
    order by case when $7::boolean then -number else number end
    limit $6
) found on true
left join proposal p on p.id = found.id
order by found.number
"""


@dataclass(frozen=True, slots=True)
class PageKey:
    """The proposals of an edition, a status and a subject, each None for any.

    The page has the first *size* after the id *after* and before *before*, or the last ones.
    """

    edition: int | None
    status: ProposalStatus | None
    proposed_by: str | None
    after: int | None
    before: int | None
    size: int
    is_last: bool


@dataclass(frozen=True, slots=True)
class ReviewPage:
    """One page: items *start* to *end* of all `total_count`."""

    proposals: Sequence[StoredProposal]
    start: int
    end: int
    total_count: int


async def page(reader: Reader, key: PageKey) -> ReviewPage:
    """The page as it stands, in one statement."""
    rows = await reader.fetch(
        PAGE, key.edition, key.status, key.proposed_by, key.after, key.before, key.size, key.is_last
    )
    bound, rows = rows[0], [row for row in rows if row["number"] is not None]
    if rows:
        start, end = rows[0]["number"] - 1, rows[-1]["number"]
    else:
        start = 0 if key.after is None else bound["before_count"]
        end = bound["total_count"] if key.before is None else bound["until_count"]
        start = end = max(start, end)
    return ReviewPage([stored(row) for row in rows], start, end, bound["total_count"])
