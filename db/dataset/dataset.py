"""A dataset: six CSV files in one folder, read and checked whole before anything is written."""

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import NamedTuple

from db.composite.framework import (
    OVERALL,
    Aggregation,
    Direction,
    Framework,
    FrameworkError,
    Level,
    Measure,
    Methodology,
    Normalisation,
    lowest_problem,
)
from db.dataset import csv_table
from db.dataset.csv_table import Columns, Line
from db.index.city import City
from db.index.edition import State
from db.index.published import Published
from db.index.score import ValueStatus


class RecordedScore(NamedTuple):
    """One line of score.csv."""

    city: str
    measure: str
    value: float
    source: str | None
    status: ValueStatus


@dataclass
class EditionData:
    """One edition as its files describe it; `members` maps a city to the population that admitted it.

    `state` is None where the file does not say: a new edition is then published, and one that is there stays as it is.
    """

    methodology: Methodology
    measures: list[Measure] = field(default_factory=list)
    members: dict[str, int | None] = field(default_factory=dict)
    scores: list[RecordedScore] = field(default_factory=list)
    published: list[Published] = field(default_factory=list)
    state: State | None = None

    @property
    def framework(self) -> Framework:
        return Framework(self.methodology, tuple(self.measures))


@dataclass
class Dataset:
    """The cities by slug and the editions by year; without printed facts, those that are stored stay as they are."""

    cities: dict[str, City]
    editions: dict[int, EditionData]
    has_published: bool = True


def read(folder: Path) -> Dataset:
    """The dataset in *folder*; raises `DatasetError` at the first thing that is wrong."""
    dataset = Dataset(_read_cities(folder), _read_editions(folder))
    _read_members(folder, dataset)
    _read_frameworks(folder, dataset)
    _read_scores(folder, dataset)
    dataset.has_published = (folder / "published.csv").exists()
    if dataset.has_published:
        _read_published(folder, dataset)
    return dataset


def _read_cities(folder: Path) -> dict[str, City]:
    cities: dict[str, City] = {}
    columns: Columns = {"slug": csv_table.slug, "name": csv_table.text, "state": csv_table.text}
    optional = {"population": csv_table.count, "population_date": date.fromisoformat}
    for line in csv_table.lines(folder / "city.csv", columns, optional):
        city = City(**line.values)
        csv_table.once(line, "slug", city.slug, cities)
        cities[city.slug] = city
    return cities


def _read_editions(folder: Path) -> dict[int, EditionData]:
    editions: dict[int, EditionData] = {}
    columns: Columns = {
        "year": csv_table.year,
        "normalisation": Normalisation,
        "aggregation": Aggregation,
        "top_n": csv_table.positive,
        "hidden_champion_category_top_n": csv_table.count,
        "hidden_champion_overall_rank_worse_than": csv_table.count,
        "min_population": csv_table.count,
    }
    for line in csv_table.lines(folder / "edition.csv", columns, {"state": _loaded_state, "lowest": _lowest}):
        year, state, lowest = (line.values.pop(name) for name in ("year", "state", "lowest"))
        csv_table.once(line, "year", year, editions)
        editions[year] = EditionData(Methodology(**line.values, lowest=lowest or 0.0), state=state)
    return editions


def _lowest(raw: str) -> float:
    lowest = csv_table.number(raw)
    if (problem := lowest_problem(lowest)) is not None:
        raise ValueError(problem)
    return lowest


def _read_members(folder: Path, dataset: Dataset) -> None:
    columns: Columns = {"edition": csv_table.year, "city": str}
    for line in csv_table.lines(folder / "member.csv", columns, {"population": csv_table.count}):
        edition, city = _edition(line, dataset), line.values["city"]
        if city not in dataset.cities:
            line.fail("city", f"{city!r} is not in city.csv")
        csv_table.once(line, "city", city, edition.members)
        population, least = line.values["population"], edition.methodology.min_population
        if population is not None and population <= least:
            line.fail("population", f"{population} is not more than the edition's {least}")
        edition.members[city] = population


def _read_frameworks(folder: Path, dataset: Dataset) -> None:
    columns: Columns = {
        "edition": csv_table.year,
        "code": csv_table.text,
        "level": Level,
        "parent": csv_table.optional_text,
        "name_de": csv_table.text,
        "name_en": csv_table.text,
        "weight": csv_table.number,
        "direction": Direction,
        "unit": csv_table.optional_text,
    }
    optional = {"maximum": csv_table.number, "normalisation": Normalisation}
    line_of: dict[tuple[int, str], Line] = {}
    last: Line | None = None
    for line in csv_table.lines(folder / "framework.csv", columns, optional):
        edition, year = _edition(line, dataset), line.values.pop("edition")
        csv_table.once(line, "code", (year, line.values["code"]), line_of)
        line_of[year, line.values["code"]] = last = line
        maximum = line.values.pop("maximum")
        edition.measures.append(Measure(**line.values, maximum=100.0 if maximum is None else maximum))
    for year, edition in dataset.editions.items():
        try:
            edition.framework.check()
        except FrameworkError as error:
            place = line_of.get((year, error.code)) or last or Line("framework.csv", 1, {})
            place.fail(error.field, f"edition {year}: {error}")
        if (zero := edition.framework.zero_problem()) is not None:
            measure, message = zero
            line_of[year, measure.code].fail("code", f"edition {year}: {message} in edition.csv")


def _read_scores(folder: Path, dataset: Dataset) -> None:
    columns: Columns = {
        "edition": csv_table.year,
        "city": str,
        "measure": str,
        "value": csv_table.number,
        "source": csv_table.optional_text,
    }
    seen: set[tuple[int, str, str]] = set()
    frameworks = {year: edition.framework for year, edition in dataset.editions.items()}
    for line in csv_table.lines(folder / "score.csv", columns, {"status": _recorded_status}):
        edition, year = _edition(line, dataset), line.values.pop("edition")
        score = RecordedScore(**{**line.values, "status": line.values["status"] or ValueStatus.RECORDED})
        if score.city not in edition.members:
            line.fail("city", f"{score.city!r} is not a city of edition {year}")
        framework = frameworks[year]
        if score.measure not in framework.position:
            line.fail("measure", f"{score.measure!r} is not in the framework of edition {year}")
        lowest, highest = framework.value_range(framework.measures[framework.position[score.measure]])
        if not lowest <= score.value <= highest:
            line.fail("value", f"{score.value:g} is outside {lowest:g} to {highest:g}")
        key = (year, score.city, score.measure)
        csv_table.once(line, "measure", key, seen)
        seen.add(key)
        edition.scores.append(score)


def _read_published(folder: Path, dataset: Dataset) -> None:
    columns: Columns = {
        "edition": csv_table.year,
        "city": str,
        "measure": str,
        "score": csv_table.optional(csv_table.points),
        "rank": csv_table.optional(csv_table.positive),
        "tendency": csv_table.optional(csv_table.integer),
        "source": csv_table.text,
    }
    seen: set[tuple[int, str, str]] = set()
    for line in csv_table.lines(folder / "published.csv", columns):
        edition, year = _edition(line, dataset), line.values["edition"]
        city, measure = line.values["city"], line.values.pop("measure")
        if city not in edition.members:
            line.fail("city", f"{city!r} is not a city of edition {year}")
        codes = {m.code for m in edition.measures if m.level is Level.CATEGORY}
        if measure not in {OVERALL, *codes}:
            line.fail("measure", f"{measure!r} is neither {OVERALL} nor a category of edition {year}")
        csv_table.once(line, "measure", (year, city, measure), seen)
        seen.add((year, city, measure))
        if line.values["score"] is None and line.values["rank"] is None:
            line.fail("rank", "neither a score nor a rank is given")
        edition.published.append(Published(category=None if measure == OVERALL else measure, **line.values))


def _edition(line: Line, dataset: Dataset) -> EditionData:
    year: int = line.values["edition"]
    if year not in dataset.editions:
        line.fail("edition", f"{year} is not in edition.csv")
    return dataset.editions[year]


def _loaded_state(text: str) -> State:
    """An edition is scheduled and closed by mutation: both need its ranking."""
    if text not in (State.DRAFT, State.PUBLISHED):
        raise ValueError(f"{text!r} is neither {State.DRAFT} nor {State.PUBLISHED}")
    return State(text)


def _recorded_status(text: str) -> ValueStatus:
    status = ValueStatus(text)
    if status is ValueStatus.COMPUTED:
        raise ValueError("'computed' cannot be recorded")
    return status
