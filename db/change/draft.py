"""Drafts: an edition that is made from another one, and that may be deleted until it is published."""

from dataclasses import dataclass

from db.change import edition_event, outbox, submission
from db.change.edition_event import EventKind
from db.change.proposal import Problem, ProblemCode, RefusedError, check_text
from db.change.score_proposal import ScoreProposal
from db.index import definition, score
from db.index import edition as edition_rows
from db.index.score import Recorded, ValueStatus
from db.postgres.pool import Writer

EARLIEST, LATEST = 1000, 9999

# A ranking is named by edition and revision and never changes, so a year that is used again counts on.
INSERT_EDITION = """
insert into edition
    (year, revision, normalisation, aggregation, top_n, hidden_champion_category_top_n,
     hidden_champion_overall_rank_worse_than, min_population, lowest, review_required, published_at)
select $1, coalesce((select max(revision) from edition_event where edition = $1 and kind = 'deleted'), 0),
       normalisation, aggregation, top_n, hidden_champion_category_top_n,
       hidden_champion_overall_rank_worse_than, min_population, lowest, review_required, null
from edition
where year = $2
returning revision
"""

COPY_MEASURES = """
insert into measure
    (edition, code, position, level, parent, name_de, name_en, weight, direction, unit, maximum, normalisation)
select $1, code, position, level, parent, name_de, name_en, weight, direction, unit, maximum, normalisation
from measure
where edition = $2
order by position
"""

COPY_MEMBERS = """
insert into member (edition, city_id, population) select $1, city_id, population from member where edition = $2
"""

SCORES = """
select copied.id as measure_id, s.city_id, s.value, s.status, coalesce($3, s.source) as source
from score s
join measure m on m.id = s.measure_id and m.edition = $2
join measure copied on copied.edition = $1 and copied.code = m.code
order by m.position, s.city_id
"""

# In the order of references; a ranking's analyses go with it.
DELETE = (
    "delete from proposal where edition = $1",
    "delete from review_change where edition = $1",
    "delete from outbox where edition = $1",
    "delete from recomputation where edition = $1",
    "delete from ranking_column where edition = $1",
    "delete from ranking where edition = $1",
    "delete from definition where edition = $1",
    "delete from published where edition = $1",
    "delete from score_change where edition = $1",
    "delete from score where measure_id in (select id from measure where edition = $1)",
    "delete from submission where edition = $1",
    "delete from measure where edition = $1",
)

REMOVE_MEMBERS = "delete from member where edition = $1 returning city_id"

# Cities that came with the draft and that nothing else names.
REMOVE_CITIES = """
delete from city c
where c.id = any($1)
  and not exists (select from member m where m.city_id = c.id)
  and not exists (select from published p where p.city_id = c.id)
  and not exists (select from score_change s where s.city_id = c.id)
"""

REMOVE_EDITION = "delete from edition where year = $1"


@dataclass(frozen=True, slots=True)
class NewEdition:
    """A wish for a draft with the framework, methodology and members of edition `from_`; scores only if asked for."""

    year: int
    from_: int
    with_scores: bool = False
    source: str | None = None


async def create(writer: Writer, new: NewEdition, caused_by: str, trace_id: str | None) -> None:
    """Make a draft; raises `RefusedError` with every reason why not."""
    problems = check_text(new.source, ("source",))
    if not EARLIEST <= new.year <= LATEST:
        message = f"{new.year} is outside {EARLIEST} to {LATEST}"
        problems.append(Problem(ProblemCode.OUT_OF_RANGE, message, ("year",)))
    years = {edition.year for edition in await edition_rows.lock_all(writer)}
    if new.year in years:
        problems.append(Problem(ProblemCode.DUPLICATE, f"there is an edition {new.year} already", ("year",)))
    if new.from_ not in years:
        problems.append(Problem(ProblemCode.UNKNOWN_EDITION, f"there is no edition {new.from_}", ("from",)))
    if problems:
        raise RefusedError(problems)
    revision: int = await writer.fetchval(INSERT_EDITION, new.year, new.from_)
    await writer.execute(COPY_MEASURES, new.year, new.from_)
    await writer.execute(COPY_MEMBERS, new.year, new.from_)
    await edition_event.append(writer, new.year, EventKind.CREATED, revision, caused_by)
    if new.with_scores:
        revision += await _copy_scores(writer, new, revision + 1, caused_by, trace_id)
    await definition.record(writer, new.year, revision)


async def _copy_scores(writer: Writer, new: NewEdition, revision: int, caused_by: str, trace_id: str | None) -> int:
    """Record the scores of the edition it is made from as its first submission; 1 when there are any."""
    rows = await writer.fetch(SCORES, new.year, new.from_, new.source)
    if not rows:
        return 0
    copied = [
        Recorded(row["measure_id"], row["city_id"], row["value"], ValueStatus(row["status"]), row["source"])
        for row in rows
    ]
    count = await score.record(writer, new.year, revision, copied)
    proposal = ScoreProposal(new.year, [], source=new.source)
    await submission.append(writer, proposal, revision, count, caused_by)
    await edition_rows.advance(writer, [new.year])
    await outbox.append(writer, [new.year], trace_id)
    return 1


async def delete(writer: Writer, year: int, expected_revision: int | None, caused_by: str) -> None:
    """Delete a draft with all that is recorded for it; a scheduled or published edition is refused."""
    edition = (await edition_rows.lock_from(writer, year)).get(year)
    if edition is None:
        raise RefusedError([Problem(ProblemCode.UNKNOWN_EDITION, f"there is no edition {year}", ("edition",))])
    if edition.published_at is not None or edition.publish_at is not None:
        state = "published" if edition.published_at is not None else "scheduled"
        message = f"edition {year} is {state}: only a draft can be deleted"
        raise RefusedError([Problem(ProblemCode.WRONG_STATE, message, ("edition",))])
    if expected_revision not in (None, edition.revision):
        message = f"edition {year} stands at revision {edition.revision}, not {expected_revision}"
        raise RefusedError([Problem(ProblemCode.REVISION_CONFLICT, message, ("expectedRevision",))])
    for statement in DELETE:
        await writer.execute(statement, year)
    members = [row["city_id"] for row in await writer.fetch(REMOVE_MEMBERS, year)]
    await writer.execute(REMOVE_CITIES, members)
    await writer.execute(REMOVE_EDITION, year)
    await edition_event.append(writer, year, EventKind.DELETED, edition.revision, caused_by)
