"""Submissions: proposals that were accepted whole."""

from dataclasses import dataclass
from datetime import datetime

from db import edition as edition_rows
from db import outbox, score
from db.pool import Reader, Writer
from db.proposal import Problem, ProblemCode, Proposal, RefusedError, check_form, check_scores, target
from db.score import Recorded, ValueStatus

# Calls for two editions may hold no edition's lock in common.
LOCK_IDEMPOTENCY_KEY = "select pg_advisory_xact_lock(hashtext($1), hashtext($2))"

BY_IDEMPOTENCY_KEY = """
select edition, revision, submitted_at, submitted_by, change_count, content_hash
from submission
where submitted_by = $1 and idempotency_key = $2
"""

BY_KEY = """
select s.edition, s.revision, s.submitted_at, s.submitted_by, s.change_count
from unnest($1::integer[], $2::integer[]) with ordinality as key (edition, revision, position)
left join submission s using (edition, revision)
order by key.position
"""

APPEND = """
insert into submission
    (edition, revision, submitted_by, source, change_count, idempotency_key, content_hash)
values ($1, $2, $3, $4, $5, $6, $7)
returning edition, revision, submitted_at, submitted_by, change_count
"""


@dataclass(frozen=True, slots=True)
class Submission:
    """An accepted proposal; `revision` is the one that it made."""

    edition: int
    revision: int
    submitted_at: datetime
    submitted_by: str
    change_count: int


async def submit(writer: Writer, proposal: Proposal, submitted_by: str, trace_id: str | None) -> Submission:
    """Accept a proposal: scores, audit, revision and the request for a ranking, in one transaction.

    Raises `RefusedError` with every reason; the caller's transaction must then be rolled back.
    """
    problems = check_form(proposal)
    revisions = await edition_rows.lock_from(writer, proposal.edition)
    if proposal.edition not in revisions:
        message = f"there is no edition {proposal.edition}"
        raise RefusedError([*problems, Problem(ProblemCode.UNKNOWN_EDITION, message, ("edition",))])
    if not problems and (repeated := await _repeated(writer, proposal, submitted_by)):
        return repeated
    revision = revisions[proposal.edition]
    if proposal.expected_revision not in (None, revision):
        message = f"edition {proposal.edition} stands at revision {revision}, not {proposal.expected_revision}"
        problems.append(Problem(ProblemCode.REVISION_CONFLICT, message, ("expectedRevision",)))
    checked = await target(writer, proposal.edition)
    problems += check_scores(proposal, checked)
    if problems:
        raise RefusedError(problems)
    recorded = [
        Recorded(
            checked.measures[change.measure],
            checked.members[change.city],
            change.value,
            None if change.value is None else ValueStatus.RECORDED,
            change.source or proposal.source,
        )
        for change in proposal.scores
    ]
    accepted = await append(writer, proposal, revision + 1, recorded, submitted_by)
    await edition_rows.advance(writer, list(revisions))
    await outbox.append(writer, list(revisions), trace_id)
    return accepted


async def append(
    writer: Writer, proposal: Proposal, revision: int, recorded: list[Recorded], submitted_by: str
) -> Submission:
    """Write a checked proposal as the submission that makes *revision*; the caller advances the edition."""
    change_count = await score.record(writer, proposal.edition, revision, recorded)
    row = await writer.fetchrow(
        APPEND, proposal.edition, revision, submitted_by, proposal.source, change_count,
        proposal.idempotency_key, proposal.content_hash(),
    )  # fmt: skip
    assert row is not None
    return Submission(**row)


async def by_key(reader: Reader, keys: list[tuple[int, int]]) -> list[Submission | None]:
    """The submission that made each (edition, revision), None where none did, in key order."""
    rows = await reader.fetch(BY_KEY, [key[0] for key in keys], [key[1] for key in keys])
    return [None if row["submitted_at"] is None else Submission(**row) for row in rows]


async def _repeated(writer: Writer, proposal: Proposal, submitted_by: str) -> Submission | None:
    """The submission that this call repeats, if it has an idempotency key that was used."""
    if proposal.idempotency_key is None:
        return None
    await writer.execute(LOCK_IDEMPOTENCY_KEY, submitted_by, proposal.idempotency_key)
    row = await writer.fetchrow(BY_IDEMPOTENCY_KEY, submitted_by, proposal.idempotency_key)
    if row is None:
        return None
    fields = dict(row)
    if fields.pop("content_hash") != proposal.content_hash():
        message = f"idempotency key {proposal.idempotency_key!r} was used for other content"
        raise RefusedError([Problem(ProblemCode.IDEMPOTENCY_CONFLICT, message, ("idempotencyKey",))])
    return Submission(**fields)
