"""Steps of plans: one field each, resolved and completed for all objects of a batch (see `api.planning.plan`)."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from inspect import isawaitable
from typing import Any, TypeAlias

import strawberry
from graphql import GraphQLField, GraphQLObjectType
from graphql.pyutils import Path
from strawberry.types.field import StrawberryField

from api.planning.batch import Batch, Table
from api.planning.completion import Answer, Completion, Runner, UnplannedError
from api.planning.coroutine import close
from api.planning.library import FieldDetailsList
from api.planning.resolver import of_object_alone, of_object_and_info
from api.planning.view import MAY_WAIT, ByPlace, View

# Of what is kept with columns: a view, and a completed value.
VIEW_BYTES = 400
VALUE_BYTES = 300

NOWHERE = Path(None, "plan", None)

Resolve: TypeAlias = Callable[[Runner, Sequence[Any]], Sequence[Any]]
"""Gives the field's value, not completed, for each of some objects."""


class Step(ABC):
    """One field of a selection. One on views only gets a `Table`. `size_bytes` are those of the plan below it."""

    size_bytes = 0

    @abstractmethod
    def values(self, runner: Runner, batch: Any) -> Sequence[Any]:
        """The field's value for each object of a batch."""


class TypeName(Step):
    """The field `__typename`."""

    def __init__(self, name: str) -> None:
        self._name = name

    def values(self, _: Runner, batch: Batch) -> Sequence[Any]:
        return [self._name] * len(batch)


class ColumnValue(Step):
    """A value that stands in the column of each view."""

    def __init__(self, complete: Completion, name: str) -> None:
        self._complete = complete
        self.size_bytes = complete.size_bytes
        self._name = name

    def values(self, runner: Runner, batch: Table) -> Sequence[Any]:
        return self._complete.each(runner, batch.values(self._name))


class SameForRows(Step):
    """What is the same in every row: worked out once a column, and kept with the columns."""

    def __init__(self, complete: Completion, resolve: Resolve, *, gives_views: bool) -> None:
        self._complete = complete
        self.size_bytes = complete.size_bytes
        self._resolve = resolve
        self._gives_views = gives_views

    def values(self, runner: Runner, batch: Table) -> Sequence[Any]:
        results = batch.columns.results
        answer: Answer | None = results.get(self)
        if answer is None:
            answer = results[self] = self._answer(runner, batch.columns.views)
        return answer(runner, batch.rows)

    def _answer(self, runner: Runner, views: list[View]) -> Answer:
        with runner.context_value.for_everyone():
            resolved = self._resolve(runner, views)
            if self._gives_views:
                runner.plans.grow(VIEW_BYTES * _count(resolved))
                return self._complete.uniform(resolved)
            completed = self._complete.each(runner, resolved)
        runner.plans.grow(VALUE_BYTES * _count(completed))
        return lambda _, rows: rows.repeat(completed)


def _count(values: Sequence[Any]) -> int:
    return sum(_count(value) if isinstance(value, list) else 1 for value in values)


class SameForColumns(Step):
    """What depends on the row alone."""

    def __init__(self, complete: Completion, by_place: ByPlace) -> None:
        self._complete = complete
        self.size_bytes = complete.size_bytes
        self._by_place = by_place

    def values(self, runner: Runner, batch: Table) -> Sequence[Any]:
        views = batch.columns.views
        resolved = self._by_place(runner.context_value, views[0], batch.rows.rows)
        return self._complete.each(runner, resolved * len(views))


class EachObject(Step):
    """Anything else: resolved object by object."""

    def __init__(self, complete: Completion, resolve: Resolve) -> None:
        self._complete = complete
        self.size_bytes = complete.size_bytes
        self._resolve = resolve

    def values(self, runner: Runner, batch: Batch) -> Sequence[Any]:
        return self._complete.each(runner, self._resolve(runner, batch.objects()))


def resolver(
    definition: StrawberryField, field: GraphQLField, parent: GraphQLObjectType, details: FieldDetailsList,
    arguments: dict[str, Any],
) -> Resolve:  # fmt: skip
    """What resolves a field for many objects. *details* are its nodes in the document."""
    if (get := of_object_alone(definition)) is not None:
        return lambda _, objects: list(map(get, objects))
    resolve, get_with = field.resolve, of_object_and_info(definition)
    assert resolve is not None, "Strawberry gives every field a resolver"
    nodes = [detail.node for detail in details]

    def resolve_each(runner: Runner, objects: Sequence[Any]) -> Sequence[Any]:
        info = runner.build_resolve_info(field, nodes, parent, NOWHERE)
        if get_with is None:
            return [resolve(each, info, **arguments) for each in objects]
        own_info = strawberry.Info(info, definition)
        return [get_with(each, info=own_info) for each in objects]

    def resolve_at_once(runner: Runner, objects: Sequence[Any]) -> Sequence[Any]:
        info = runner.build_resolve_info(field, nodes, parent, NOWHERE)
        values = []
        for each in objects:
            value = resolve(each, info, **arguments)
            if isawaitable(value):
                close(value)
                raise UnplannedError("a value must be waited for")
            values.append(value)
        return values

    return resolve_at_once if definition.metadata.keys() >= MAY_WAIT.keys() else resolve_each
