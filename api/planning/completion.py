"""Completion: from a field's resolved values to what is answered, many at once (see `api.planning.plan`)."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Any, Protocol, TypeAlias

from graphql import GraphQLLeafType, GraphQLString

from api.planning.batch import Columns, Rows, Table
from api.planning.view import ViewList

TEXT = {str, NoneType}

Runner: TypeAlias = Any
"""The `api.planning.executor.PlanningExecutor` that executes."""

Answer: TypeAlias = Callable[[Runner, Rows], Sequence[Any]]
"""Gives what is answered for views in rows: column by column, row by row."""


class ObjectPlan(Protocol):
    """Answers a selection for objects of one type; `api.planning.plan.Plan` is the one that does."""

    size_bytes: int

    def run(self, runner: Runner, objects: Sequence[Any]) -> list[dict[str, Any]]:
        """The answer for each object."""

    def answer(self, runner: Runner, batch: Table) -> list[dict[str, Any]]:
        """The answer for each object of a batch."""


class UnplannedError(Exception):
    """A plan met what only plain execution can answer."""


@dataclass(frozen=True, slots=True)
class Completion(ABC):
    """Completes resolved values of one GraphQL type; where a value *is_required*, none may be None."""

    is_required: bool

    @property
    def size_bytes(self) -> int:
        """Of the plan of what is selected below."""
        return 0

    @abstractmethod
    def each(self, runner: Runner, values: Sequence[Any]) -> Sequence[Any]:
        """Of each value."""

    def uniform(self, values: Sequence[Any]) -> Answer:  # noqa: ARG002
        """Of each value, in any row: a value has views, and was resolved for one row."""
        raise UnplannedError("only views are the same in many rows")

    def require(self, values: Sequence[Any]) -> None:
        """See that none of the values is None where none may be."""
        if self.is_required and None in values:
            raise UnplannedError("null where none may be")

    def present(self, values: Sequence[Any]) -> Sequence[Any]:
        """The values that are not None."""
        if isinstance(values, ViewList):
            return values
        present = [value for value in values if value is not None]
        if self.is_required and len(present) != len(values):
            raise UnplannedError("null where none may be")
        return present


@dataclass(frozen=True, slots=True)
class Leaf(Completion):
    """A scalar or an enum."""

    type: GraphQLLeafType

    def each(self, _: Runner, values: Sequence[Any]) -> Sequence[Any]:
        self.require(values)
        if self.type is GraphQLString and set(map(type, values)) <= TEXT:
            return values
        coerce = self.type.coerce_output_value
        return [None if value is None else coerce(value) for value in values]


@dataclass(frozen=True, slots=True)
class Exact(Completion):
    """A scalar whose values are answered as they are."""

    def each(self, _: Runner, values: Sequence[Any]) -> Sequence[Any]:
        self.require(values)
        return values


@dataclass(frozen=True, slots=True)
class Object(Completion):
    """An object, with the plan of what is selected of it."""

    plan: ObjectPlan

    @property
    def size_bytes(self) -> int:
        return self.plan.size_bytes

    def each(self, runner: Runner, values: Sequence[Any]) -> Sequence[Any]:
        present = self.present(values)
        return _with_nulls(values, self.plan.run(runner, present))

    def uniform(self, values: Sequence[Any]) -> Answer:
        columns = Columns(list(self.present(values)), {})

        def answer(runner: Runner, rows: Rows) -> Sequence[Any]:
            return _with_nulls(rows.repeat(values), self.plan.answer(runner, Table(columns, rows)))

        return answer


@dataclass(frozen=True, slots=True)
class ListOf(Completion):
    """A list."""

    item: Completion

    @property
    def size_bytes(self) -> int:
        return self.item.size_bytes

    def each(self, runner: Runner, values: Sequence[Any]) -> Sequence[Any]:
        present = self.present(values)
        if len(values) == len(present) == 1:
            return [list(self.item.each(runner, present[0]))]
        items = self.item.each(runner, [item for value in present for item in value])
        completed = iter(items)
        return _with_nulls(values, [[next(completed) for _ in value] for value in present])

    def uniform(self, values: Sequence[Any]) -> Answer:
        present = self.present(values)
        answer_items = self.item.uniform([item for value in present for item in value])
        lengths = [len(value) for value in present]

        def answer(runner: Runner, rows: Rows) -> Sequence[Any]:
            items, step = answer_items(runner, rows), len(rows)
            lists = []
            start = 0
            for length in lengths:
                end = start + step * length
                lists += [items[first:end:step] for first in range(start, start + step)]
                start = end
            return _with_nulls(rows.repeat(values), lists)

        return answer


def _with_nulls(values: Sequence[Any], answers: list[Any]) -> list[Any]:
    """The answer for each value; *answers* has those of the values that are not None."""
    if len(values) == len(answers):
        return answers
    following = iter(answers)
    return [None if value is None else next(following) for value in values]
