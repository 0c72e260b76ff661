"""Score proposals that wait for an admin, and what became of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from db.change.score_proposal import ScoreChange, ScoreProposal
from db.postgres.pool import Reader, Writer

APPEND = """
insert into proposal (edition, proposed_by, source, idempotency_key, content_hash, correction)
values ($1, $2, $3, $4, $5, $6)
returning id, edition, status, proposed_by, proposed_at, source, decided_by, decided_at, reason, revision, correction
"""

APPEND_SCORES = """
insert into proposal_score (proposal_id, position, city, measure, value, source)
select $1, given.position, given.city, given.measure, given.value, given.source
from unnest($2::text[], $3::text[], $4::double precision[], $5::text[])
     with ordinality as given (city, measure, value, source, position)
"""

BY_ID = """
select p.id, p.edition, p.status, p.proposed_by, p.proposed_at, p.source, p.decided_by, p.decided_at, p.reason,
       p.revision, p.correction
from unnest($1::integer[]) with ordinality as key (id, position)
left join proposal p using (id)
order by key.position
"""

BY_SUBMISSION = """
select p.id, p.edition, p.status, p.proposed_by, p.proposed_at, p.source, p.decided_by, p.decided_at, p.reason,
       p.revision, p.correction
from unnest($1::integer[], $2::integer[]) with ordinality as key (edition, revision, position)
left join proposal p using (edition, revision)
order by key.position
"""

SCORES = """
select s.city, s.measure, s.value, s.source, key.position
from unnest($1::integer[]) with ordinality as key (id, position)
join proposal_score s on s.proposal_id = key.id
order by key.position, s.position
"""

# As with submissions, a key is kept for a day.
FORGET_IDEMPOTENCY_KEY = """
update proposal set idempotency_key = null
where proposed_by = $1 and idempotency_key = $2 and proposed_at < now() - interval '24 hours'
"""

BY_IDEMPOTENCY_KEY = """
select id, edition, status, proposed_by, proposed_at, source, decided_by, decided_at, reason, revision, correction,
       content_hash
from proposal
where proposed_by = $1 and idempotency_key = $2
"""

# Calls for two editions may hold no edition's lock in common.
LOCK_PENDING = "select pg_advisory_xact_lock(hashtext('sci proposal'), hashtext($1))"

COUNT_PENDING = "select count(*) from proposal where proposed_by = $1 and status = 'pending'"

LOCK = "select status from proposal where id = $1 for no key update"

DECIDE = """
update proposal set status = $2, decided_by = $3, decided_at = now(), reason = $4, revision = $5
where id = $1
returning id, edition, status, proposed_by, proposed_at, source, decided_by, decided_at, reason, revision, correction
"""


class ProposalStatus(StrEnum):
    """What became of a proposal."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class StoredProposal:
    """A call that waited; `revision` is that of the submission that it became, None unless it was accepted."""

    id: int
    edition: int
    status: ProposalStatus
    proposed_by: str
    proposed_at: datetime
    source: str | None
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None
    revision: int | None
    correction: str | None


async def append(writer: Writer, proposal: ScoreProposal, proposed_by: str) -> StoredProposal:
    """Keep a proposal, checked, for an admin to decide."""
    row = await writer.fetchrow(
        APPEND,
        proposal.edition,
        proposed_by,
        proposal.source,
        proposal.idempotency_key,
        proposal.content_hash(),
        proposal.correction,
    )
    assert row is not None
    columns = zip(*((s.city, s.measure, s.value, s.source) for s in proposal.scores), strict=True)
    await writer.execute(APPEND_SCORES, row["id"], *map(list, columns))
    return stored(row)


async def by_id(reader: Reader, ids: list[int]) -> list[StoredProposal | None]:
    """The proposal of each id, None where there is none, in the order of *ids*."""
    return [None if row["edition"] is None else stored(row) for row in await reader.fetch(BY_ID, ids)]


async def by_submission(reader: Reader, keys: list[tuple[int, int]]) -> list[StoredProposal | None]:
    """The proposal that became the submission of each (edition, revision), None where none did, in key order."""
    rows = await reader.fetch(BY_SUBMISSION, [key[0] for key in keys], [key[1] for key in keys])
    return [None if row["id"] is None else stored(row) for row in rows]


async def scores_by_id(reader: Reader, ids: list[int]) -> list[Sequence[ScoreChange]]:
    """What each proposal proposes, as it was given, in the order of *ids*."""
    found: list[list[ScoreChange]] = [[] for _ in ids]
    for *fields, position in await reader.fetch(SCORES, ids):
        found[position - 1].append(ScoreChange(*fields))
    return [*found]


async def by_idempotency_key(writer: Writer, proposed_by: str, key: str) -> tuple[StoredProposal, str] | None:
    """The proposal that was made with a locked key within a day, and the hash of its content."""
    await writer.execute(FORGET_IDEMPOTENCY_KEY, proposed_by, key)
    row = await writer.fetchrow(BY_IDEMPOTENCY_KEY, proposed_by, key)
    if row is None:
        return None
    return stored(row), row["content_hash"]


async def count_pending(writer: Writer, proposed_by: str) -> int:
    """How many proposals of a subject wait; it makes no others until *writer* has ended."""
    await writer.execute(LOCK_PENDING, proposed_by)
    count: int = await writer.fetchval(COUNT_PENDING, proposed_by)
    return count


async def lock(writer: Writer, id_: int) -> ProposalStatus | None:
    """The status of a proposal, which nobody else changes until *writer* has ended; None when there is none."""
    status = await writer.fetchval(LOCK, id_)
    return None if status is None else ProposalStatus(status)


async def decide(
    writer: Writer,
    id_: int,
    status: ProposalStatus,
    decided_by: str,
    *,
    reason: str | None = None,
    revision: int | None = None,
) -> StoredProposal:
    """Decide a locked proposal."""
    row = await writer.fetchrow(DECIDE, id_, status, decided_by, reason, revision)
    assert row is not None
    return stored(row)


def stored(row: Any) -> StoredProposal:
    """The proposal in a row that may have more columns."""
    fields = {name: row[name] for name in StoredProposal.__dataclass_fields__}
    return StoredProposal(**fields | {"status": ProposalStatus(row["status"])})
