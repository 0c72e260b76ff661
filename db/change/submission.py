"""Submissions: proposals that were accepted whole."""

from dataclasses import dataclass
from datetime import datetime

from db.change import outbox, review
from db.change.proposal import Problem, ProblemCode, Proposal, RefusedError
from db.change.review import StoredProposal
from db.index import edition as edition_rows
from db.index.edition import Locked
from db.postgres.pool import Reader, Writer

# Two calls with one key for different editions may share no edition's lock, so the key itself is locked.
LOCK_IDEMPOTENCY_KEY = "select pg_advisory_xact_lock(hashtext($1), hashtext($2))"

# A key is kept for a day: whoever repeats a call later asks for something new.
FORGET_IDEMPOTENCY_KEY = """
update submission set idempotency_key = null
where submitted_by = $1 and idempotency_key = $2 and submitted_at < now() - interval '24 hours'
"""

BY_IDEMPOTENCY_KEY = """
select edition, revision, submitted_at, submitted_by, source, change_count, content_hash
from submission
where submitted_by = $1 and idempotency_key = $2
"""

BY_KEY = """
select s.edition, s.revision, s.submitted_at, s.submitted_by, s.source, s.change_count
from unnest($1::integer[], $2::integer[]) with ordinality as key (edition, revision, position)
left join submission s using (edition, revision)
order by key.position
"""

APPEND = """
insert into submission
    (edition, revision, submitted_by, source, change_count, idempotency_key, content_hash, correction)
values ($1, $2, $3, $4, $5, $6, $7, $8)
returning edition, revision, submitted_at, submitted_by, source, change_count
"""


@dataclass(frozen=True, slots=True)
class Submission:
    """An accepted proposal; `revision` is the one that it made."""

    edition: int
    revision: int
    submitted_at: datetime
    submitted_by: str
    source: str | None
    change_count: int


async def submit(writer: Writer, proposal: Proposal, submitted_by: str, trace_id: str | None) -> Submission:
    """Accept a proposal: its changes, audit, revision and the request for a ranking, in one transaction.

    Raises `RefusedError` with every reason; the caller's transaction must then be rolled back.
    """
    locked, repeated = await check(writer, proposal, submitted_by)
    if repeated is None:
        return await accept(writer, proposal, locked, submitted_by, trace_id)
    assert isinstance(repeated, Submission), "only scores wait, and a key stands for one content"
    return repeated


async def check(
    writer: Writer, proposal: Proposal, submitted_by: str
) -> tuple[dict[int, Locked], Submission | StoredProposal | None]:
    """Lock its edition and those that are compared with it; also what the call repeats, if it does.

    Raises `RefusedError` with every reason unless it is a repeated call or may be accepted.
    """
    problems = proposal.check_form()
    locked = await edition_rows.lock_from(writer, proposal.edition)
    if proposal.edition not in locked:
        message = f"there is no edition {proposal.edition}"
        raise RefusedError([*problems, Problem(ProblemCode.UNKNOWN_EDITION, message, ("edition",))])
    if not problems and (repeated := await _repeated(writer, proposal, submitted_by)):
        return locked, repeated
    problems += _check_edition(proposal, locked[proposal.edition])
    problems += await proposal.check(writer)
    if problems:
        raise RefusedError(problems)
    return locked, None


async def accept(
    writer: Writer, proposal: Proposal, locked: dict[int, Locked], submitted_by: str, trace_id: str | None
) -> Submission:
    """Write what `check` has let pass, with its audit, its revision and the request for a ranking."""
    revision = locked[proposal.edition].revision + 1
    change_count = await proposal.apply(writer, revision)
    accepted = await append(writer, proposal, revision, change_count, submitted_by)
    await edition_rows.advance(writer, list(locked))
    await outbox.append(writer, list(locked), trace_id)
    return accepted


async def append(writer: Writer, proposal: Proposal, revision: int, change_count: int, submitted_by: str) -> Submission:
    """Note a proposal that was written as what makes *revision*; the caller advances the edition."""
    row = await writer.fetchrow(
        APPEND, proposal.edition, revision, submitted_by, proposal.source, change_count,
        proposal.idempotency_key, proposal.content_hash(), proposal.correction,
    )  # fmt: skip
    assert row is not None
    return Submission(**row)


async def by_key(reader: Reader, keys: list[tuple[int, int]]) -> list[Submission | None]:
    """The submission that made each (edition, revision), None where none did, in key order."""
    rows = await reader.fetch(BY_KEY, [key[0] for key in keys], [key[1] for key in keys])
    return [None if row["submitted_at"] is None else Submission(**row) for row in rows]


def _check_edition(proposal: Proposal, edition: Locked) -> list[Problem]:
    if edition.is_closed:
        message = f"edition {edition.year} is closed"
        return [Problem(ProblemCode.EDITION_CLOSED, message, ("edition",))]
    if proposal.expected_revision not in (None, edition.revision):
        message = f"edition {edition.year} stands at revision {edition.revision}, not {proposal.expected_revision}"
        return [Problem(ProblemCode.REVISION_CONFLICT, message, ("expectedRevision",))]
    return []


async def _repeated(writer: Writer, proposal: Proposal, submitted_by: str) -> Submission | StoredProposal | None:
    """What this call repeats, if it has an idempotency key that was used."""
    if proposal.idempotency_key is None:
        return None
    await writer.execute(LOCK_IDEMPOTENCY_KEY, submitted_by, proposal.idempotency_key)
    await writer.execute(FORGET_IDEMPOTENCY_KEY, submitted_by, proposal.idempotency_key)
    row = await writer.fetchrow(BY_IDEMPOTENCY_KEY, submitted_by, proposal.idempotency_key)
    found: Submission | StoredProposal
    if row is not None:
        fields = dict(row)
        content_hash = fields.pop("content_hash")
        found = Submission(**fields)
    elif waited := await review.by_idempotency_key(writer, submitted_by, proposal.idempotency_key):
        found, content_hash = waited
    else:
        return None
    if content_hash != proposal.content_hash():
        message = f"idempotency key {proposal.idempotency_key!r} was used for other content"
        raise RefusedError([Problem(ProblemCode.IDEMPOTENCY_CONFLICT, message, ("idempotencyKey",))])
    return found
