"""Score proposals: values to record for cities of an edition."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from db.change.proposal import Problem, ProblemCode, Proposal, check_measure, check_number, check_text
from db.composite.framework import Framework
from db.index import framework as framework_rows
from db.index import score
from db.index.score import Recorded, ValueStatus
from db.postgres.pool import Reader, Writer

MAX_SCORES = 10_000

KNOWN_CITIES = "select slug from city"


@dataclass(frozen=True, slots=True)
class ScoreChange:
    """A value for one city and measure, on the measure's own scale; None removes what is recorded.

    A value that is neither a number nor null is not given: that may be a slip, so it is refused.
    """

    city: str
    measure: str
    value: float | None
    source: str | None
    is_value_given: bool = True

    def __post_init__(self) -> None:
        # Minus zero, which JSON and CSV can say, is zero.
        if self.value is not None:
            object.__setattr__(self, "value", self.value + 0.0)


@dataclass(frozen=True)
class ScoreProposal(Proposal):
    """Scores to record together, or not at all; those without a source of their own have the proposal's."""

    scores: Sequence[ScoreChange] = field(kw_only=False)

    def content(self) -> Any:
        return sorted(json.dumps([s.city, s.measure, s.value, s.source]) for s in self.scores)

    def check_form(self) -> list[Problem]:
        problems = []
        if not self.scores:
            problems.append(Problem(ProblemCode.EMPTY, "scores is empty: give at least one", ("scores",)))
        if len(self.scores) > MAX_SCORES:
            message = f"{len(self.scores)} scores in one call: {MAX_SCORES} at most"
            problems.append(Problem(ProblemCode.TOO_MANY, message, ("scores",)))
        return problems + super().check_form()

    async def check(self, reader: Reader, framework: Framework | None = None) -> list[Problem]:
        """What is wrong with each score, in order; nothing when there are too many to look at.

        Checked against *framework*, the edition's when None.
        """
        if len(self.scores) > MAX_SCORES:
            return []
        if framework is None:
            [framework] = await framework_rows.by_edition(reader, [self.edition])
        members = await score.member_ids(reader, self.edition)
        known = frozenset(row["slug"] for row in await reader.fetch(KNOWN_CITIES))
        return check_scores(self.scores, framework, frozenset(members), known)

    async def apply(self, writer: Writer, revision: int) -> int:
        measures = await score.measure_ids(writer, self.edition)
        members = await score.member_ids(writer, self.edition)
        recorded = [
            Recorded(
                measures[change.measure],
                members[change.city],
                change.value,
                None if change.value is None else ValueStatus.RECORDED,
                change.source or self.source,
            )
            for change in self.scores
        ]
        return await score.record(writer, self.edition, revision, recorded)


def check_scores(
    scores: Sequence[ScoreChange], framework: Framework, members: frozenset[str], known_cities: frozenset[str]
) -> list[Problem]:
    """What is wrong with each score of a call, in order."""
    problems = []
    seen: dict[tuple[str, str], int] = {}
    for index, change in enumerate(scores):
        path = ("scores", str(index))
        names = [
            *_check_city(change.city, members, known_cities, path),
            *check_measure(change.measure, framework, path),
        ]
        problems += names or _check_value(change, framework, path)
        problems += check_text(change.source, (*path, "source"))
        first = seen.setdefault((change.city, change.measure), index)
        if first != index:
            message = f"{change.city!r} {change.measure!r} is in scores {first} and {index} of the same call"
            problems.append(Problem(ProblemCode.DUPLICATE, message, path))
    return problems


def _check_city(
    city: str, members: frozenset[str], known_cities: frozenset[str], path: tuple[str, ...]
) -> list[Problem]:
    if city in members:
        return []
    known = city in known_cities
    code = ProblemCode.CITY_NOT_IN_EDITION if known else ProblemCode.UNKNOWN_CITY
    message = f"{city!r} is not a city of this edition" if known else f"no city {city!r}"
    return [Problem(code, message, (*path, "city"))]


def _check_value(change: ScoreChange, framework: Framework, path: tuple[str, ...]) -> list[Problem]:
    if not change.is_value_given:
        message = "value is left out: give a number, or null to remove what is recorded"
        return [Problem(ProblemCode.EMPTY, message, (*path, "value"))]
    if change.value is None:
        return []
    lowest, highest = framework.value_range(framework.measures[framework.position[change.measure]])
    return check_number(change.value, lowest, highest, (*path, "value"), f", the range of {change.measure}")
