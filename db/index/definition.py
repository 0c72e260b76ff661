"""Definitions: what an edition is beside its scores, kept each time that it changes."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from db.composite.framework import Framework
from db.index import framework as framework_rows
from db.index import published
from db.index.published import Published
from db.postgres.pool import Reader, Writer

MEMBERS = """
select c.slug, m.population from member m join city c on c.id = m.city_id where m.edition = $1 order by c.slug
"""

RECORD = """
insert into definition (edition, revision, framework, cities, populations, published)
values ($1, $2, $3, $4, $5, $6)
"""

BY_ID = """
select d.edition, d.framework::text, d.cities, d.populations, d.published
from unnest($1::integer[]) with ordinality as key (id, position)
join definition d using (id)
order by key.position
"""

# The one that each revision made, and the one before it; no row when a revision left the definition as it was.
MADE = """
select d.edition, d.framework::text, d.cities, d.populations, d.published,
       b.edition as edition_before, b.framework::text as framework_before, b.cities as cities_before,
       b.populations as populations_before, b.published as published_before, key.position
from unnest($1::integer[], $2::integer[]) with ordinality as key (edition, revision, position)
join definition d using (edition, revision)
join lateral (
    select * from definition earlier
    where earlier.edition = d.edition and earlier.id < d.id
    order by earlier.id desc
    limit 1
) b on true
"""

VERSION = """
select coalesce((select max(id) from dataset_load), 0) as loads,
       coalesce((select max(id) from definition), 0) as definitions,
       coalesce((select max(id) from edition_event), 0) as events,
       coalesce((select max(d.id) from definition d join edition e on e.year = d.edition
                 where e.published_at is not null), 0) as published_definitions,
       coalesce((select max(id) from edition_event where kind in ('published', 'closed', 'reopened')), 0)
           as published_events
"""


@dataclass(frozen=True, slots=True)
class Definition:
    """An edition beside its scores; `members` maps a slug to the population that admitted it, in slug order."""

    edition: int
    framework: Framework
    members: dict[str, int | None]
    published: tuple[Published, ...]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that differs between two definitions; `subject` is a measure's code, a slug, or None."""

    subject: str | None
    field: str
    old: str | None
    new: str | None


async def current(reader: Reader, edition: int) -> Definition | None:
    """What the tables now say of an edition, None when there is no such edition."""
    frameworks = await framework_rows.by_edition(reader, [edition])
    if not frameworks:
        return None
    members = {row["slug"]: row["population"] for row in await reader.fetch(MEMBERS, edition)}
    return Definition(edition, frameworks[0], members, tuple(await published.by_edition(reader, edition)))


async def record(writer: Writer, edition: int, revision: int) -> None:
    """Keep what the tables now say of an existing edition as holding from *revision* on."""
    definition = await current(writer, edition)
    assert definition is not None
    facts = [[p.city, p.category, p.score, p.rank, p.tendency, p.source] for p in definition.published]
    await writer.execute(
        RECORD, edition, revision, framework_rows.to_json(definition.framework),
        list(definition.members), list(definition.members.values()), facts,
    )  # fmt: skip


async def by_id(reader: Reader, ids: list[int]) -> list[Definition]:
    """The definitions with existing *ids*, in that order."""
    return [_definition(*row) for row in await reader.fetch(BY_ID, ids)]


async def changes_by_key(reader: Reader, keys: list[tuple[int, int]]) -> list[list[FieldChange]]:
    """What the submission that made each (edition, revision) changed beside scores, in key order.

    Nothing for the first definition of an edition: there was nothing before it.
    """
    found: list[list[FieldChange]] = [[] for _ in keys]
    for *columns, position in await reader.fetch(MADE, [key[0] for key in keys], [key[1] for key in keys]):
        new, old = _definition(*columns[:5]), _definition(*columns[5:])
        found[position - 1] += _changes(old, new)
    return found


@dataclass(frozen=True, slots=True)
class Version:
    """Differs as soon as any edition's definition, any city or the life of an edition does.

    `definition` is the id of the newest one; `of_published` differs only for what readers may know.
    """

    loads: int
    definition: int
    event: int
    of_published: tuple[int, int, int]


async def version(reader: Reader) -> Version:
    """The version of what the tables now say."""
    row = await reader.fetchrow(VERSION)
    assert row is not None
    loads, definition, event, *published = row
    return Version(loads, definition, event, (loads, *published))


def _definition(
    edition: int, framework: str, cities: list[str], populations: list[int | None], facts: list[list[Any]]
) -> Definition:
    return Definition(
        edition,
        framework_rows.from_text(framework),
        dict(zip(cities, populations, strict=True)),
        tuple(
            Published(edition, city, category, None if score is None else float(score), *rest)
            for city, category, score, *rest in facts
        ),
    )


def _changes(old: Definition, new: Definition) -> Iterator[FieldChange]:
    yield from _fields(None, asdict(old.framework.methodology), asdict(new.framework.methodology))
    before, after = ({m.code: asdict(m) for m in each.framework.measures} for each in (old, new))
    for code in before | after:
        yield from _fields(code, before.get(code, {}), after.get(code, {}))
    for city in sorted(old.members.keys() | new.members.keys()):
        was, now = ({"member": city in each.members, "population": each.members.get(city)} for each in (old, new))
        yield from _fields(city, was, now)
    if old.published != new.published:
        yield FieldChange(None, "published", f"{len(old.published)} facts", f"{len(new.published)} facts")


def _fields(subject: str | None, old: dict[str, Any], new: dict[str, Any]) -> Iterator[FieldChange]:
    for field in old | new:
        if old.get(field) != new.get(field):
            yield FieldChange(subject, field, _text(old.get(field)), _text(new.get(field)))


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return f"{value}".lower() if isinstance(value, bool) else f"{value}".removesuffix(".0")
