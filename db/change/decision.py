"""Decisions: whether scores are applied at once or wait, and what an admin makes of those that wait."""

from db.change import review, submission
from db.change.proposal import Problem, ProblemCode, RefusedError, check_text
from db.change.review import ProposalStatus, StoredProposal
from db.change.score_proposal import ScoreProposal
from db.change.submission import Submission
from db.index import edition as edition_rows
from db.postgres.pool import Writer


async def submit(
    writer: Writer, proposal: ScoreProposal, submitted_by: str, trace_id: str | None, pending_limit: int | None
) -> Submission | StoredProposal:
    """Accept scores, or let them wait where their edition asks for it; with *pending_limit* None, they never do.

    Raises `RefusedError` with every reason, one of which is that so many of *submitted_by* wait already; the caller's
    transaction must then be rolled back.
    """
    locked, repeated = await submission.check(writer, proposal, submitted_by)
    if repeated is not None:
        return repeated
    if pending_limit is None or not locked[proposal.edition].review_required:
        return await submission.accept(writer, proposal, locked, submitted_by, trace_id)
    if await review.count_pending(writer, submitted_by) >= pending_limit:
        message = f"{pending_limit} proposals of {submitted_by} wait for an admin, and no more may"
        raise RefusedError([Problem(ProblemCode.TOO_MANY_PENDING, message, ())])
    return await review.append(writer, proposal, submitted_by)


async def accept(
    writer: Writer, id_: int | None, accepted_by: str, trace_id: str | None, expected_revision: int | None = None
) -> StoredProposal:
    """Apply a proposal as a submission of *accepted_by*.

    Raises `RefusedError` with every reason; the proposal waits on when the caller's transaction is rolled back.
    """
    [found] = [None] if id_ is None else await review.by_id(writer, [id_])
    if found is not None:
        # First, as all writers do: who submits has locked the edition when it comes to proposals.
        await edition_rows.lock_from(writer, found.edition)
    if problems := await _check_pending(writer, id_):
        raise RefusedError(problems)
    assert found is not None
    [scores] = await review.scores_by_id(writer, [found.id])
    proposal = ScoreProposal(
        found.edition, scores, source=found.source, expected_revision=expected_revision, correction=found.correction
    )
    made = await submission.submit(writer, proposal, accepted_by, trace_id)
    return await review.decide(writer, found.id, ProposalStatus.ACCEPTED, accepted_by, revision=made.revision)


async def reject(writer: Writer, id_: int | None, rejected_by: str, reason: str) -> StoredProposal:
    """Reject a proposal; raises `RefusedError` with every reason why not."""
    problems = [*_check_reason(reason), *await _check_pending(writer, id_)]
    if problems:
        raise RefusedError(problems)
    assert id_ is not None
    return await review.decide(writer, id_, ProposalStatus.REJECTED, rejected_by, reason=reason)


async def withdraw(writer: Writer, id_: int | None, withdrawn_by: str) -> StoredProposal:
    """Take back a proposal of *withdrawn_by*; one of somebody else is answered as if there were none."""
    [found] = [None] if id_ is None else await review.by_id(writer, [id_])
    own = None if found is None or found.proposed_by != withdrawn_by else found.id
    if problems := await _check_pending(writer, own):
        raise RefusedError(problems)
    assert own is not None
    return await review.decide(writer, own, ProposalStatus.WITHDRAWN, withdrawn_by)


async def _check_pending(writer: Writer, id_: int | None) -> list[Problem]:
    """A proposal can be decided once; it is locked."""
    status = None if id_ is None else await review.lock(writer, id_)
    if status is None:
        return [Problem(ProblemCode.UNKNOWN_PROPOSAL, "there is no such proposal", ("id",))]
    if status is ProposalStatus.PENDING:
        return []
    return [Problem(ProblemCode.PROPOSAL_DECIDED, f"the proposal is {status} already", ("id",))]


def _check_reason(reason: str) -> list[Problem]:
    if reason.strip():
        return check_text(reason, ("reason",))
    return [Problem(ProblemCode.EMPTY, "reason is empty: say why", ("reason",))]
