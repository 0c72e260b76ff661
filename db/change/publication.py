"""An edition's life after it was created: scheduled, published, closed, reopened.

A publication that lies ahead is a row with an instant. The relay asks for rows that are due and publishes each in one
transaction under the edition's lock, so an edition that is found due twice is published once. Only Postgres's clock
counts: those of the API and of the relay may differ from it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from db.change import edition_event, outbox
from db.change.edition_event import EventKind
from db.change.proposal import Problem, ProblemCode, RefusedError, check_text
from db.index import edition as edition_rows
from db.index.edition import Locked
from db.postgres.pool import Reader, Writer

PUBLISHED_BY_TIMER = "sci relay"

SCHEDULE = "update edition set publish_at = $2 where year = $1"

PUBLISH = "update edition set publish_at = null, published_at = now() where year = $1"

CLOSE = "update edition set closed_at = now(), closed_by = $2 where year = $1"

REOPEN = "update edition set closed_at = null, closed_by = null where year = $1"

NOW = "select clock_timestamp()"

DUE = "select year from edition where publish_at <= now() order by year"

SECONDS_TO_NEXT = """
select extract(epoch from min(publish_at) - clock_timestamp())::double precision
from edition
where publish_at is not null
"""


@dataclass(frozen=True, slots=True)
class Publication:
    """A wish to publish an edition: now, or at an instant with its zone."""

    edition: int
    at: datetime | None = None
    expected_revision: int | None = None


async def publish(writer: Writer, wish: Publication, caused_by: str) -> bool:
    """Publish an edition, or schedule that; True when it is published now. Publishing it again changes nothing.

    Raises `RefusedError` when there is no such edition, when it stands at another revision, when its newest revision
    is not ranked and it would be published now, and when it is published already and an instant is given.
    """
    edition = await _lock(writer, wish.edition, wish.expected_revision)
    if wish.at is not None and wish.at.tzinfo is None:
        raise _refused(ProblemCode.OUT_OF_RANGE, "at has no zone: end it with Z or an offset such as +01:00", "at")
    if edition.published_at is not None:
        if wish.at is not None:
            raise _refused(ProblemCode.WRONG_STATE, f"edition {edition.year} is published already", "at")
        return False
    if wish.at is not None and wish.at > await writer.fetchval(NOW):
        at = wish.at.astimezone(UTC)
        if at != edition.publish_at:
            await writer.execute(SCHEDULE, edition.year, at)
            await edition_event.append(
                writer, edition.year, EventKind.SCHEDULED, edition.revision, caused_by, publish_at=at
            )
            await outbox.wake(writer)
        return False
    await _check_ranked(writer, edition)
    await _publish(writer, edition, caused_by)
    return True


async def unschedule(writer: Writer, year: int, caused_by: str) -> None:
    """Make a scheduled edition a draft again; doing so to a draft changes nothing."""
    edition = await _lock(writer, year, None)
    if edition.published_at is not None:
        raise _refused(ProblemCode.WRONG_STATE, f"edition {year} is published already", "edition")
    if edition.publish_at is not None:
        await writer.execute(SCHEDULE, year, None)
        await edition_event.append(writer, year, EventKind.UNSCHEDULED, edition.revision, caused_by)
        await outbox.wake(writer)


async def close(writer: Writer, year: int, expected_revision: int | None, caused_by: str) -> None:
    """Close a published edition whose newest revision is ranked; closing it again changes nothing."""
    edition = await _lock(writer, year, expected_revision)
    if edition.is_closed:
        return
    if edition.published_at is None:
        raise _refused(ProblemCode.WRONG_STATE, f"edition {year} is not published: publish it first", "edition")
    await _check_ranked(writer, edition)
    await writer.execute(CLOSE, year, caused_by)
    await edition_event.append(writer, year, EventKind.CLOSED, edition.revision, caused_by)


async def reopen(writer: Writer, year: int, reason: str, caused_by: str) -> None:
    """Take the closing of an edition back, for a reason that readers see."""
    problems = check_text(reason, ("reason",))
    if not reason.strip():
        problems = [Problem(ProblemCode.EMPTY, "reason is empty: readers are told why", ("reason",))]
    if problems:
        raise RefusedError(problems)
    edition = await _lock(writer, year, None)
    if not edition.is_closed:
        raise _refused(ProblemCode.WRONG_STATE, f"edition {year} is not closed", "edition")
    await writer.execute(REOPEN, year)
    await edition_event.append(writer, year, EventKind.REOPENED, edition.revision, caused_by, reason=reason)


async def due(reader: Reader) -> list[int]:
    """The editions whose instant has come, oldest first."""
    return [row["year"] for row in await reader.fetch(DUE)]


async def seconds_to_next(reader: Reader) -> float | None:
    """How long it is to the next scheduled publication; None when none is scheduled."""
    seconds: float | None = await reader.fetchval(SECONDS_TO_NEXT)
    return seconds


async def publish_due(writer: Writer, year: int) -> bool:
    """Publish an edition if its instant has come; False when it has not, or another relay was sooner.

    A newest revision that is not ranked yet does not hold it up: it follows as a correction does. An edition that has
    scores and no ranking at all waits for its first one.
    """
    edition = (await edition_rows.lock_from(writer, year)).get(year)
    if edition is None or edition.publish_at is None or edition.publish_at > await writer.fetchval(NOW):
        return False
    [progress] = await edition_rows.states_of(writer, [year])
    if progress.has_scores and progress.ranked_revision is None:
        return False
    await _publish(writer, edition, PUBLISHED_BY_TIMER)
    return True


async def _publish(writer: Writer, edition: Locked, caused_by: str) -> None:
    """Later editions are compared with it from now on, so they get a new revision."""
    await writer.execute(PUBLISH, edition.year)
    await edition_event.append(writer, edition.year, EventKind.PUBLISHED, edition.revision, caused_by)
    # A draft locks no later edition, a published one does: the later locks are taken in the same order.
    later = [year for year in await edition_rows.lock_from(writer, edition.year) if year != edition.year]
    await edition_rows.advance(writer, later)
    await outbox.append(writer, later, None)


async def _lock(writer: Writer, year: int, expected_revision: int | None) -> Locked:
    """Lock an edition that must be there, and be at the revision that is expected."""
    locked = await edition_rows.lock_from(writer, year)
    if year not in locked:
        raise _refused(ProblemCode.UNKNOWN_EDITION, f"there is no edition {year}", "edition")
    revision = locked[year].revision
    if expected_revision not in (None, revision):
        message = f"edition {year} stands at revision {revision}, not {expected_revision}"
        raise _refused(ProblemCode.REVISION_CONFLICT, message, "expectedRevision")
    return locked[year]


async def _check_ranked(reader: Reader, edition: Locked) -> None:
    [progress] = await edition_rows.states_of(reader, [edition.year])
    if progress.is_stale:
        ranked = "none is" if progress.ranked_revision is None else f"{progress.ranked_revision} is the newest that is"
        message = f"revision {edition.revision} of edition {edition.year} is not ranked yet, {ranked}: try again soon"
        raise _refused(ProblemCode.NOT_RANKED, message, "edition")


def _refused(code: ProblemCode, message: str, field: str) -> RefusedError:
    return RefusedError([Problem(code, message, (field,))])
