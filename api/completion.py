"""Completion: from a field's resolved values to what is answered, many at once (see `api.plan`)."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from types import NoneType
from typing import TYPE_CHECKING, Any, TypeAlias

from graphql import GraphQLLeafType, GraphQLString
from graphql.execution import Executor

from api.batch import Places, Views

if TYPE_CHECKING:
    from api.plan import Plan

TEXT = {str, NoneType}

Runner: TypeAlias = "Executor[Any]"


class UnplannedError(Exception):
    """A plan met what only plain execution can answer."""


class Completion(ABC):
    """Completes resolved values of one GraphQL type."""

    @abstractmethod
    def each(self, runner: Runner, values: Sequence[Any]) -> Sequence[Any]:
        """Of each value."""

    def uniform(self, runner: Runner, values: Sequence[Any], places: Places) -> Sequence[Any]:  # noqa: ARG002
        """Of each value at each place; a value has views, and was resolved for one place."""
        raise UnplannedError("only views are the same at many places")


@dataclass(frozen=True, slots=True)
class Leaf(Completion):
    """A scalar or an enum."""

    type: GraphQLLeafType

    def each(self, _: Runner, values: Sequence[Any]) -> Sequence[Any]:
        if self.type is GraphQLString and set(map(type, values)) <= TEXT:
            return values
        coerce = self.type.coerce_output_value
        return [None if value is None else coerce(value) for value in values]


class Exact(Completion):
    """A scalar whose values are answered as they are."""

    def each(self, _: Runner, values: Sequence[Any]) -> Sequence[Any]:
        return values


@dataclass(frozen=True, slots=True)
class Object(Completion):
    """An object, with the plan of what is selected of it."""

    plan: "Plan"

    def each(self, runner: Runner, values: Sequence[Any]) -> Sequence[Any]:
        present = [value for value in values if value is not None]
        answers = self.plan.run(runner, present)
        return answers if len(present) == len(values) else _with_nulls(values, answers)

    def uniform(self, runner: Runner, values: Sequence[Any], places: Places) -> Sequence[Any]:
        present = [value for value in values if value is not None]
        answers = self.plan.answer(runner, Views(present, places))
        if len(present) == len(values):
            return answers
        return _with_nulls([value for value in values for _ in places.places], answers)


@dataclass(frozen=True, slots=True)
class ListOf(Completion):
    """A list."""

    item: Completion

    def each(self, runner: Runner, values: Sequence[Any]) -> Sequence[Any]:
        items = self.item.each(runner, [item for value in values if value is not None for item in value])
        if len(values) == 1 and values[0] is not None:
            return [list(items)]
        completed = iter(items)
        return [None if value is None else [next(completed) for _ in value] for value in values]

    def uniform(self, runner: Runner, values: Sequence[Any], places: Places) -> Sequence[Any]:
        completed = self.item.uniform(runner, [item for value in values for item in value or ()], places)
        lists: list[Any] = []
        start, step = 0, len(places)
        for value in values:
            end = start + step * len(value or ())
            lists += [None if value is None else completed[place:end:step] for place in range(start, start + step)]
            start = end
        return lists


@dataclass(frozen=True, slots=True)
class NonNull(Completion):
    """What must be there."""

    inner: Completion

    def each(self, runner: Runner, values: Sequence[Any]) -> Sequence[Any]:
        return _all_there(self.inner.each(runner, values))

    def uniform(self, runner: Runner, values: Sequence[Any], places: Places) -> Sequence[Any]:
        return _all_there(self.inner.uniform(runner, values, places))


def _with_nulls(values: Sequence[Any], answers: list[Any]) -> list[Any]:
    """The answer for each value; *answers* has those of the values that are not None."""
    following = iter(answers)
    return [None if value is None else next(following) for value in values]


def _all_there(values: Sequence[Any]) -> Sequence[Any]:
    if None in values:
        raise UnplannedError("null where none may be")
    return values
