"""Proposals: what somebody asks to change in an edition, and why it is refused."""

import hashlib
import json
import math
from abc import ABC, abstractmethod
from dataclasses import KW_ONLY, dataclass
from enum import StrEnum
from typing import Any

from db.composite.framework import Framework
from db.postgres.pool import Reader, Writer

MAX_TEXT_LENGTH = 2_000


class ProblemCode(StrEnum):
    """Why an input is refused."""

    UNKNOWN_EDITION = "unknown_edition"
    UNKNOWN_RANKING = "unknown_ranking"
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
    WRONG_STATE = "wrong_state"
    NOT_RANKED = "not_ranked"
    UNKNOWN_PROPOSAL = "unknown_proposal"
    PROPOSAL_DECIDED = "proposal_decided"
    TOO_MANY_PENDING = "too_many_pending"


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


@dataclass(frozen=True)
class Proposal(ABC):
    """What every kind of proposal has in common.

    `source` says where all of it comes from, `correction` tells readers why a published edition changes.
    """

    edition: int
    _: KW_ONLY
    source: str | None = None
    idempotency_key: str | None = None
    expected_revision: int | None = None
    correction: str | None = None

    @abstractmethod
    def content(self) -> Any:
        """What is asked for, as JSON values; equal for proposals that ask for the same, other for other kinds."""

    @abstractmethod
    async def check(self, reader: Reader) -> list[Problem]:
        """What is wrong with it for its edition, which exists."""

    @abstractmethod
    async def apply(self, writer: Writer, revision: int) -> int:
        """Write it, checked, as what makes *revision*; returns how many scores or fields it changed."""

    def check_form(self) -> list[Problem]:
        """What is wrong with it whatever its edition holds."""
        return [
            *check_text(self.source, ("source",)),
            *check_text(self.idempotency_key, ("idempotencyKey",)),
            *check_text(self.correction, ("correction",)),
        ]

    def content_hash(self) -> str:
        """Equal for calls that ask for the same."""
        correction = [] if self.correction is None else [self.correction]
        return hashlib.sha256(json.dumps([self.edition, self.source, self.content(), *correction]).encode()).hexdigest()


def check_text(text: str | None, path: tuple[str, ...]) -> list[Problem]:
    """Postgres keeps neither a NUL nor half of a surrogate pair."""
    if text is None:
        return []
    if not text:
        return [Problem(ProblemCode.EMPTY, f"{path[-1]} is empty: leave it out", path)]
    if len(text) <= MAX_TEXT_LENGTH and "\0" not in text and text.isprintable():
        return []
    message = f"{path[-1]} must be at most {MAX_TEXT_LENGTH} printable characters"
    return [Problem(ProblemCode.OUT_OF_RANGE, message, path)]


def check_measure(code: str, framework: Framework, path: tuple[str, ...]) -> list[Problem]:
    """A category, indicator or parameter must be in the framework."""
    if code in framework.position:
        return []
    message = f"no category, indicator or parameter {code!r} in this edition"
    return [Problem(ProblemCode.UNKNOWN_MEASURE, message, (*path, "measure"))]


def check_number(value: float, lowest: float, highest: float, path: tuple[str, ...], whose: str = "") -> list[Problem]:
    """A number must be finite and between two others; *whose* range that is ends the sentence."""
    if not math.isfinite(value):
        return [Problem(ProblemCode.NOT_FINITE, f"{value} is not a finite number", path)]
    if lowest <= value <= highest:
        return []
    return [Problem(ProblemCode.OUT_OF_RANGE, f"{_number(value)} is outside {lowest:g} to {highest:g}{whose}", path)]


def _number(value: float) -> str:
    """A number in all its digits: rounded ones may read as if they were within a limit."""
    return repr(value).removesuffix(".0")
