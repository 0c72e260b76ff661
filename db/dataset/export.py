"""Writes an edition back as a dataset: `load` reads it again."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any

from db.composite.framework import Measure, Methodology
from db.index import edition as edition_rows
from db.index import framework as framework_rows
from db.index.edition import State
from db.postgres.pool import Reader

CITIES = """
select c.slug, c.name, c.state, c.population, c.population_date
from member m join city c on c.id = m.city_id
where m.edition = $1
order by c.slug
"""

MEMBERS = """
select m.edition, c.slug, m.population
from member m join city c on c.id = m.city_id
where m.edition = $1
order by c.slug
"""

SCORES = """
select m.edition, c.slug, m.code, s.value, s.source, s.status::text
from score s
join measure m on m.id = s.measure_id
join city c on c.id = s.city_id
where m.edition = $1
order by c.slug, m.code
"""

PUBLISHED = """
select p.edition, c.slug, coalesce(m.code, 'overall') as measure, p.score, p.rank, p.tendency, p.source
from published p
join city c on c.id = p.city_id
left join measure m on m.id = p.measure_id
where p.edition = $1
order by c.slug, measure
"""

CITY = ["slug", "name", "state", "population", "population_date"]
MEMBER = ["edition", "city", "population"]
SCORE = ["edition", "city", "measure", "value", "source", "status"]
PRINTED = ["edition", "city", "measure", "score", "rank", "tendency", "source"]


async def export(reader: Reader, year: int, folder: Path) -> None:
    """Write the six files of an edition into *folder*, sorted, replacing what is there.

    Stable to the byte: numbers in their shortest form, optional columns only where a value needs them. Loaded into an
    empty database and exported again, the files are the same. Raises `LookupError` when there is no such edition and
    OSError when *folder* cannot be written.
    """
    frameworks = await framework_rows.by_edition(reader, [year])
    if not frameworks:
        raise LookupError(f"there is no edition {year}")
    [framework] = frameworks
    is_draft = (await edition_rows.lives(reader))[year].published_at is None
    methodology = [(year, State.DRAFT if is_draft else None, *astuple(framework.methodology))]
    measures = [(year, *astuple(measure)) for measure in framework.measures]
    _write(folder / "edition.csv", ["year", "state", *_names(Methodology)], methodology, {"state": None, "lowest": 0.0})
    _write(folder / "city.csv", CITY, await reader.fetch(CITIES, year), {"population": None, "population_date": None})
    _write(folder / "member.csv", MEMBER, await reader.fetch(MEMBERS, year))
    _write(folder / "framework.csv", ["edition", *_names(Measure)], measures, {"maximum": 100.0, "normalisation": None})
    _write(folder / "score.csv", SCORE, await reader.fetch(SCORES, year), {"status": "recorded"})
    published = await reader.fetch(PUBLISHED, year)
    if published:
        _write(folder / "published.csv", PRINTED, published)
    else:
        (folder / "published.csv").unlink(missing_ok=True)


def _names(kind: type[Methodology] | type[Measure]) -> list[str]:
    return [field.name for field in fields(kind)]


def _write(path: Path, header: list[str], rows: Iterable[Any], optional: Mapping[str, Any] | None = None) -> None:
    """*optional* maps each column that may be left out to what `load` takes it for then."""
    given = [tuple(row) for row in rows]
    kept = [
        index
        for index, name in enumerate(header)
        if name not in (optional or {}) or any(row[index] != (optional or {})[name] for row in given)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header[index] for index in kept)
        writer.writerows([_shortest(row[index]) for index in kept] for row in given)


def _shortest(value: Any) -> Any:
    return repr(value).removesuffix(".0") if isinstance(value, float) else value
