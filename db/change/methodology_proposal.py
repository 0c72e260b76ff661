"""Methodology proposals: weights, means, Top N and the Hidden Champion rule of an edition."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from db.change.proposal import Problem, ProblemCode, Proposal, check_measure, check_number
from db.composite.framework import (
    Aggregation,
    Framework,
    FrameworkError,
    Methodology,
    Normalisation,
    lowest_problem,
    weight_problem,
)
from db.index import definition, score
from db.index import framework as framework_rows
from db.postgres.pool import LARGEST_INTEGER, Reader, Writer

# Where each number is in the input, and its least value.
NUMBERS = {
    "top_n": (("topN",), 1),
    "hidden_champion_category_top_n": (("hiddenChampion", "categoryTopN"), 0),
    "hidden_champion_overall_rank_worse_than": (("hiddenChampion", "overallRankWorseThan"), 0),
    "min_population": (("minPopulation",), 0),
}

UPDATE_METHODOLOGY = """
update edition
set normalisation = $2, aggregation = $3, top_n = $4, hidden_champion_category_top_n = $5,
    hidden_champion_overall_rank_worse_than = $6, min_population = $7, lowest = $8
where year = $1
"""

UPDATE_WEIGHTS = """
update measure m
set weight = given.weight
from unnest($2::text[], $3::double precision[]) as given (code, weight)
where m.edition = $1 and m.code = given.code
"""

TOO_SMALL = """
select c.slug from member m join city c on c.id = m.city_id
where m.edition = $1 and m.population <= $2
order by c.slug
"""


@dataclass(frozen=True, slots=True)
class WeightChange:
    """A new weight of one measure, relative among those of the same parent."""

    measure: str
    weight: float

    def __post_init__(self) -> None:
        # Minus zero, which JSON and CSV can say, is zero.
        object.__setattr__(self, "weight", self.weight + 0.0)


@dataclass(frozen=True, slots=True)
class MethodologyChange:
    """What of a framework shall be different; None leaves a field as it is."""

    weights: Sequence[WeightChange] = ()
    normalisation: Normalisation | None = None
    aggregation: Aggregation | None = None
    top_n: int | None = None
    hidden_champion_category_top_n: int | None = None
    hidden_champion_overall_rank_worse_than: int | None = None
    min_population: int | None = None
    lowest: float | None = None

    def __post_init__(self) -> None:
        if self.lowest is not None:
            # Minus zero is zero.
            object.__setattr__(self, "lowest", self.lowest + 0.0)

    def given(self) -> dict[str, Any]:
        """The fields of the methodology that are to be different, by name."""
        values = {field.name: getattr(self, field.name) for field in fields(Methodology)}
        return {name: value for name, value in values.items() if value is not None}

    def apply(self, framework: Framework) -> Framework:
        """The framework with this change, all of whose names are in it."""
        weights = {change.measure: change.weight for change in self.weights}
        measures = (replace(m, weight=weights.get(m.code, m.weight)) for m in framework.measures)
        return Framework(replace(framework.methodology, **self.given()), tuple(measures))

    def check(self, framework: Framework) -> list[Problem]:
        """What is wrong with it for a framework, whatever is recorded."""
        problems = [*self._check_numbers(), *self._check_weights(framework)]
        if not problems:
            try:
                self.apply(framework).check()
            except FrameworkError as error:
                problems.append(Problem(ProblemCode.OUT_OF_RANGE, str(error), ("methodology", "weights")))
        if not problems and (self.aggregation, self.normalisation, self.lowest) != (None, None, None):
            zero = self.apply(framework).zero_problem()
            if zero is not None:
                problems.append(Problem(ProblemCode.OUT_OF_RANGE, zero[1], ("methodology", "lowest")))
        return problems

    async def check_records(self, reader: Reader, edition: int, framework: Framework) -> list[Problem]:
        """What is recorded in the edition that the framework, changed so, would not allow."""
        problems = []
        if self.normalisation is not None:
            measures, members = await score.measure_ids(reader, edition), await score.member_ids(reader, edition)
            values, _ = await score.matrix(reader, edition, measures, members)
            for measure in self.apply(framework).outside(values):
                message = f"values recorded for {measure.code} are outside the range of {self.normalisation}"
                problems.append(Problem(ProblemCode.OUT_OF_RANGE, message, ("methodology", "normalisation")))
        if self.min_population is not None:
            small = [row["slug"] for row in await reader.fetch(TOO_SMALL, edition, self.min_population)]
            if small:
                others = f" and {len(small) - 1} more" if len(small) > 1 else ""
                message = f"{small[0]}{others}: not more than {self.min_population} inhabitants"
                problems.append(Problem(ProblemCode.OUT_OF_RANGE, message, ("methodology", "minPopulation")))
        return problems

    def _check_numbers(self) -> Iterator[Problem]:
        for name, (path, least) in NUMBERS.items():
            value = getattr(self, name)
            if value is not None:
                yield from check_number(value, least, LARGEST_INTEGER, ("methodology", *path))
        if self.lowest is not None and (problem := lowest_problem(self.lowest)) is not None:
            yield Problem(ProblemCode.OUT_OF_RANGE, problem, ("methodology", "lowest"))

    def _check_weights(self, framework: Framework) -> Iterator[Problem]:
        seen: dict[str, int] = {}
        for index, change in enumerate(self.weights):
            path = ("methodology", "weights", str(index))
            yield from check_measure(change.measure, framework, path)
            first = seen.setdefault(change.measure, index)
            if first != index:
                message = f"{change.measure!r} is in weights {first} and {index} of the same call"
                yield Problem(ProblemCode.DUPLICATE, message, path)
            if (problem := weight_problem(change.weight)) is not None:
                yield Problem(ProblemCode.OUT_OF_RANGE, problem, (*path, "weight"))


@dataclass(frozen=True)
class MethodologyProposal(Proposal):
    """A change of an edition's methodology; its audit is the edition's definitions before and after."""

    change: MethodologyChange

    def content(self) -> Any:
        return {"methodology": asdict(self.change)}

    def check_form(self) -> list[Problem]:
        problems = super().check_form()
        if not self.change.given() and not self.change.weights:
            problems.append(Problem(ProblemCode.EMPTY, "methodology is empty: change something", ("methodology",)))
        return problems

    async def check(self, reader: Reader) -> list[Problem]:
        [framework] = await framework_rows.by_edition(reader, [self.edition])
        return self.change.check(framework) or await self.change.check_records(reader, self.edition, framework)

    async def apply(self, writer: Writer, revision: int) -> int:
        [old] = await framework_rows.by_edition(writer, [self.edition])
        new = self.change.apply(old)
        await writer.execute(UPDATE_METHODOLOGY, self.edition, *asdict(new.methodology).values())
        codes, weights = [m.code for m in new.measures], [m.weight for m in new.measures]
        await writer.execute(UPDATE_WEIGHTS, self.edition, codes, weights)
        await definition.record(writer, self.edition, revision)
        [changes] = await definition.changes_by_key(writer, [(self.edition, revision)])
        return len(changes)
