"""Writes a dataset into the tables: all of it or nothing; loading it again changes nothing."""

from dataclasses import astuple, dataclass
from typing import Any

from db.change import outbox, submission
from db.change.score_proposal import ScoreProposal
from db.dataset.dataset import Dataset, EditionData
from db.index import definition, score
from db.index import edition as edition_rows
from db.index import framework as framework_rows
from db.index.edition import State
from db.index.score import Recorded
from db.postgres.pool import Pool, Reader, Writer, transaction

SUBMITTED_BY = "sci load"

LOCK = "select pg_advisory_xact_lock(hashtext('sci load'))"

UPSERT_CITIES = """
insert into city (slug, name, state, population, population_date)
select * from unnest($1::text[], $2::text[], $3::text[], $4::integer[], $5::date[])
on conflict (slug) do update
set name = excluded.name, state = excluded.state, population = excluded.population,
    population_date = excluded.population_date
"""

UPSERT_EDITION = """
insert into edition
    (year, normalisation, aggregation, top_n, hidden_champion_category_top_n,
     hidden_champion_overall_rank_worse_than, min_population, lowest, published_at, revision)
select $1, $2, $3, $4, $5, $6, $7, $8, case when $9 then null else now() end,
       -- A ranking is named by edition and revision and never changes, so a year that is used again counts on.
       coalesce((select max(revision) from edition_event where edition = $1 and kind = 'deleted'), 0)
on conflict (year) do update
set normalisation = excluded.normalisation, aggregation = excluded.aggregation, top_n = excluded.top_n,
    hidden_champion_category_top_n = excluded.hidden_champion_category_top_n,
    hidden_champion_overall_rank_worse_than = excluded.hidden_champion_overall_rank_worse_than,
    min_population = excluded.min_population, lowest = excluded.lowest
"""

UPSERT_MEASURES = """
insert into measure
    (edition, position, code, level, parent, name_de, name_en, weight, direction, unit, maximum,
     normalisation)
select $1, position, code, level, parent, name_de, name_en, weight, direction, unit, maximum, normalisation
from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::double precision[], $8::text[],
            $9::text[], $10::double precision[], $11::text[])
     with ordinality as given (code, level, parent, name_de, name_en, weight, direction, unit, maximum,
                               normalisation, position)
on conflict (edition, code) do update
set position = excluded.position, level = excluded.level, parent = excluded.parent,
    name_de = excluded.name_de, name_en = excluded.name_en, weight = excluded.weight,
    direction = excluded.direction, unit = excluded.unit, maximum = excluded.maximum,
    normalisation = excluded.normalisation
"""

UPSERT_MEMBERS = """
insert into member (edition, city_id, population)
select $1, c.id, given.population
from unnest($2::text[], $3::integer[]) as given (slug, population)
join city c using (slug)
on conflict (edition, city_id) do update set population = excluded.population
"""

REMOVE_PUBLISHED = "delete from published where edition = $1"

INSERT_PUBLISHED = """
insert into published (edition, city_id, measure_id, score, rank, tendency, source)
select $1, c.id, m.id, given.score, given.rank, given.tendency, given.source
from unnest($2::text[], $3::text[], $4::double precision[], $5::integer[], $6::integer[], $7::text[])
     as given (slug, code, score, rank, tendency, source)
join city c using (slug)
left join measure m on m.edition = $1 and m.code = given.code
"""

IS_EMPTY = "select not exists (select from dataset_load)"

LOG = "insert into dataset_load default values"


class LoadError(Exception):
    """A dataset contradicts what is stored; nothing of it was kept."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load changed: `change_counts` maps each edition to how many of its scores changed."""

    change_counts: dict[int, int]
    advanced: tuple[int, ...]


async def load(pool: Pool, dataset: Dataset) -> Loaded:
    """Write *dataset*; its editions and every later one get a new revision where their ranking changes.

    Raises `LoadError` when a stored measure or member is not in the dataset, when a value recorded otherwise does not
    fit the dataset's framework, and when the dataset changes a closed edition.
    """
    async with transaction(pool) as writer:
        await writer.execute(LOCK)
        await edition_rows.lock_all(writer)
        await writer.execute(UPSERT_CITIES, *_columns(dataset.cities.values()))
        changes = {
            year: await _load_edition(writer, year, dataset.editions[year], has_published=dataset.has_published)
            for year in sorted(dataset.editions)
        }
        advanced = await _advance(writer, changes)
        await writer.execute(LOG)
    return Loaded({year: len(change.scores) for year, change in changes.items()}, advanced)


async def is_empty(reader: Reader) -> bool:
    """Whether nothing was ever loaded."""
    empty: bool = await reader.fetchval(IS_EMPTY)
    return empty


@dataclass(frozen=True, slots=True)
class _Change:
    """What a load changes in one edition: its scores, and whether anything else does."""

    scores: list[Recorded]
    other: bool

    def __bool__(self) -> bool:
        return bool(self.scores) or self.other


async def _load_edition(writer: Writer, year: int, data: EditionData, *, has_published: bool) -> _Change:
    before = await definition.current(writer, year)
    await writer.execute(UPSERT_EDITION, year, *astuple(data.methodology), data.state is State.DRAFT)
    await _check_state(writer, year, data.state)
    await writer.execute(UPSERT_MEASURES, year, *_columns(_measure_rows(data)))
    await writer.execute(UPSERT_MEMBERS, year, list(data.members), list(data.members.values()))
    if has_published:
        published = [(p.city, p.category, p.score, p.rank, p.tendency, p.source) for p in data.published]
        await writer.execute(REMOVE_PUBLISHED, year)
        await writer.execute(INSERT_PUBLISHED, year, *_columns(published, width=6))
    measures, members = await score.measure_ids(writer, year), await score.member_ids(writer, year)
    _refuse_removal(year, "measure", measures, {measure.code for measure in data.measures})
    _refuse_removal(year, "city", members, set(data.members))
    given = [Recorded(measures[s.measure], members[s.city], s.value, s.status, s.source) for s in data.scores]
    return _Change(await score.differing(writer, given), before != await definition.current(writer, year))


async def _check_state(reader: Reader, year: int, state: State | None) -> None:
    """A load makes drafts and published editions, and publishes and takes back none."""
    is_draft = (await edition_rows.lives(reader))[year].published_at is None
    if state is not None and is_draft is not (state is State.DRAFT):
        stored = "a draft: publish it by publishEdition" if is_draft else "published: it cannot be a draft again"
        raise LoadError(f"edition.csv says that edition {year} is {state}, and it is {stored}")


async def _advance(writer: Writer, changes: dict[int, _Change]) -> tuple[int, ...]:
    """New revisions from the first changed edition on, each with its submission when the load changed it."""
    editions = await edition_rows.lock_all(writer)
    # Nothing is compared with a draft.
    compared = {edition.year for edition in editions if edition.published_at is not None}
    first = min((year for year, change in changes.items() if change and year in compared), default=None)
    advanced = []
    for edition in editions:
        year, change = edition.year, changes.get(edition.year) or _Change([], False)
        if not change and (first is None or year < first or edition.is_closed):
            continue
        if edition.is_closed:
            raise LoadError(f"edition {year} is closed, and the dataset changes it")
        ranks = bool(edition.revision or change.scores)
        if change:
            await _write(writer, year, edition.revision + ranks, change)
        if ranks:
            advanced.append(year)
    await edition_rows.advance(writer, advanced)
    await outbox.append(writer, advanced, None)
    return tuple(advanced)


async def _write(writer: Writer, year: int, revision: int, change: _Change) -> None:
    """Record what a load changed as holding from *revision* on, which stays 0 while there is no score."""
    if change.other:
        await definition.record(writer, year, revision)
    if not revision:
        return
    proposal = ScoreProposal(year, [])
    await submission.append(
        writer, proposal, revision, await score.record(writer, year, revision, change.scores), SUBMITTED_BY
    )
    measures, members = await score.measure_ids(writer, year), await score.member_ids(writer, year)
    values, _ = await score.matrix(writer, year, measures, members)
    [framework] = await framework_rows.by_edition(writer, [year])
    for measure in framework.outside(values):
        raise LoadError(f"edition {year} holds values of {measure.code} that its new framework does not allow")


def _measure_rows(data: EditionData) -> list[tuple[Any, ...]]:
    return [astuple(measure) for measure in data.measures]


def _refuse_removal(year: int, noun: str, stored: dict[str, int], given: set[str]) -> None:
    """A stored audit names its measures and cities, so a load never removes one."""
    if missing := sorted(set(stored) - given):
        raise LoadError(f"edition {year} holds {noun} {', '.join(missing)}, which the dataset leaves out")


def _columns(rows: Any, width: int = 0) -> list[list[Any]]:
    """Rows turned into one list a column."""
    tuples = [row if isinstance(row, tuple) else astuple(row) for row in rows]
    return [list(column) for column in zip(*tuples, strict=True)] or [[] for _ in range(width)]
