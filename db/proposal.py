"""Proposals: score changes that somebody asks for, and all that may be wrong with them."""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from db import framework as framework_rows
from db import score
from db.composite.framework import Framework
from db.pool import Reader

MAX_SCORES = 10_000
MAX_TEXT_LENGTH = 2_000

KNOWN_CITIES = "select slug from city"


class ProblemCode(StrEnum):
    """Why a submission is refused."""

    UNKNOWN_EDITION = "unknown_edition"
    UNKNOWN_CITY = "unknown_city"
    UNKNOWN_MEASURE = "unknown_measure"
    CITY_NOT_IN_EDITION = "city_not_in_edition"
    OUT_OF_RANGE = "out_of_range"
    NOT_FINITE = "not_finite"
    DUPLICATE = "duplicate"
    TOO_MANY = "too_many"
    EMPTY = "empty"
    REVISION_CONFLICT = "revision_conflict"
    IDEMPOTENCY_CONFLICT = "idempotency_conflict"
    EDITION_CLOSED = "edition_closed"


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason; `path` leads from the input to the offending value."""

    code: ProblemCode
    message: str
    path: tuple[str, ...]


class RefusedError(Exception):
    """Nothing of the submission was kept; `problems` holds every reason."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class ScoreChange:
    """A value for one city and measure, on the measure's own scale; None removes what is recorded."""

    city: str
    measure: str
    value: float | None
    source: str | None


@dataclass(frozen=True, slots=True)
class Proposal:
    """What somebody asks to change; *source* applies to every score without one of its own."""

    edition: int
    scores: Sequence[ScoreChange]
    source: str | None = None
    idempotency_key: str | None = None
    expected_revision: int | None = None

    def content_hash(self) -> str:
        """Equal for calls that ask for the same, in whatever order."""
        scores = sorted(json.dumps([s.city, s.measure, s.value, s.source]) for s in self.scores)
        return hashlib.sha256(json.dumps([self.edition, self.source, scores]).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Target:
    """The edition that a proposal is checked against."""

    framework: Framework
    measures: dict[str, int]
    members: dict[str, int]
    known_cities: frozenset[str]


async def target(reader: Reader, edition: int) -> Target:
    """What a proposal for an existing edition is checked against."""
    [framework] = await framework_rows.by_edition(reader, [edition])
    return Target(
        framework,
        await score.measure_ids(reader, edition),
        await score.member_ids(reader, edition),
        frozenset(row["slug"] for row in await reader.fetch(KNOWN_CITIES)),
    )


def check_form(proposal: Proposal) -> list[Problem]:
    """What is wrong with a proposal whatever the edition holds."""
    problems = []
    if not proposal.scores:
        problems.append(Problem(ProblemCode.EMPTY, "scores is empty: give at least one", ("scores",)))
    if len(proposal.scores) > MAX_SCORES:
        message = f"{len(proposal.scores)} scores in one call: {MAX_SCORES} at most"
        problems.append(Problem(ProblemCode.TOO_MANY, message, ("scores",)))
    problems += _check_text(proposal.source, ("source",))
    problems += _check_text(proposal.idempotency_key, ("idempotencyKey",))
    return problems


def check_scores(proposal: Proposal, target: Target) -> list[Problem]:
    """What is wrong with each score of a proposal, in order; nothing when there are too many to look at."""
    if len(proposal.scores) > MAX_SCORES:
        return []
    problems = []
    seen: dict[tuple[str, str], int] = {}
    for index, change in enumerate(proposal.scores):
        path = ("scores", str(index))
        problems += _check_names(change, target, path) or _check_value(change, target.framework, path)
        problems += _check_text(change.source, (*path, "source"))
        first = seen.setdefault((change.city, change.measure), index)
        if first != index:
            message = f"{change.city!r} {change.measure!r} is in scores {first} and {index} of the same call"
            problems.append(Problem(ProblemCode.DUPLICATE, message, path))
    return problems


def _check_names(change: ScoreChange, target: Target, path: tuple[str, ...]) -> list[Problem]:
    problems = []
    if change.city not in target.members:
        known = change.city in target.known_cities
        code = ProblemCode.CITY_NOT_IN_EDITION if known else ProblemCode.UNKNOWN_CITY
        message = f"{change.city!r} is not a city of this edition" if known else f"no city {change.city!r}"
        problems.append(Problem(code, message, (*path, "city")))
    if change.measure not in target.measures:
        message = f"no category, indicator or parameter {change.measure!r} in this edition"
        problems.append(Problem(ProblemCode.UNKNOWN_MEASURE, message, (*path, "measure")))
    return problems


def _check_value(change: ScoreChange, framework: Framework, path: tuple[str, ...]) -> list[Problem]:
    if change.value is None:
        return []
    if not math.isfinite(change.value):
        message = f"{change.value} is not a finite number"
        return [Problem(ProblemCode.NOT_FINITE, message, (*path, "value"))]
    lowest, highest = framework.value_range(framework.measures[framework.position[change.measure]])
    if lowest <= change.value <= highest:
        return []
    message = f"{change.value:g} is outside {lowest:g} to {highest:g}, the range of {change.measure}"
    return [Problem(ProblemCode.OUT_OF_RANGE, message, (*path, "value"))]


def _check_text(text: str | None, path: tuple[str, ...]) -> list[Problem]:
    """Postgres keeps neither a NUL nor half of a surrogate pair."""
    if text is None:
        return []
    if not text:
        return [Problem(ProblemCode.EMPTY, f"{path[-1]} is empty: leave it out", path)]
    if len(text) <= MAX_TEXT_LENGTH and "\0" not in text and text.isprintable():
        return []
    message = f"{path[-1]} must be at most {MAX_TEXT_LENGTH} printable characters"
    return [Problem(ProblemCode.OUT_OF_RANGE, message, path)]
