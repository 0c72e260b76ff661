"""Plans: a selection on plain data, worked out once, then answered for many objects at once.

graphql-core spends five to six microseconds on each field of each object, which makes 0.1 s of a whole nested ranking.
A `Plan` has one step a field of its selection. A step gets a *batch* of objects and gives one completed value for
each; then the values of all steps are put together, object by object. Batches (`api.batch`) are

- `Views`: several views (see `api.schema.column`), each at the same places; view by view, place by place. A figure is
  taken from the column of each view. What is uniform is resolved once a view, whatever the places: the 37 indicators
  of 83 cities are one batch of 37 views, and no object is made for any of the 3,071 results;
- `Objects`: anything else. Each one is resolved by itself, as graphql-core would.

What a plan cannot do, it does not try: a selection with a field that must be awaited has no plan (`build` gives
None), and a run that meets anything unusual, an error or a null where none may be, raises. Then the selection is
executed the plain way, which is right about errors and null propagation by definition.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from inspect import isawaitable, iscoroutine
from itertools import chain
from typing import Any
from weakref import ref

import strawberry
from graphql import (
    GraphQLField,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    get_named_type,
    is_leaf_type,
)
from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet
from graphql.execution.values import get_argument_values
from graphql.pyutils import Path
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField

from api.batch import Batch, Objects, batches
from api.completion import Completion, Exact, Leaf, ListOf, NonNull, Object, Runner, UnplannedError
from api.schema.column import FIGURE, MAY_WAIT, UNIFORM, View
from api.schema.resolver import of_object_alone, of_object_and_info, strawberry_field
from api.standings import Standings

# Figures of these types are Python's own in a column: graphql-core would check each of them and change none.
EXACT = frozenset({"Float", "Int", "Boolean"})
NOWHERE = Path(None, "plan", None)
DEFINITION = GraphQLCoreConverter.DEFINITION_BACKREF


class Plan:
    """The steps of a selection on objects of one type, by response name."""

    def __init__(self, steps: "dict[str, Step | TypeName]") -> None:
        self._steps = steps

    def run(self, runner: Runner, objects: list[Any]) -> list[dict[str, Any]]:
        """The answer for each object."""
        answers = [self.answer(runner, batch) for batch in batches(objects)]
        return answers[0] if len(answers) == 1 else list(chain.from_iterable(answers))

    def answer(self, runner: Runner, batch: Batch) -> list[dict[str, Any]]:
        """The answer for each object of a batch."""
        answers: list[dict[str, Any]] = [{} for _ in range(len(batch))]
        for name, step in self._steps.items():
            for answer, value in zip(answers, step.values(runner, batch), strict=True):
                answer[name] = value
        return answers


class Kept(dict[int, tuple[Any, ref[Standings]]]):
    """A value by the id of the standings that it belongs to, for as long as these live.

    A `WeakKeyDictionary` takes three times as long to look one up, and a city has 47.
    """

    def keep(self, standings: Standings, value: Any) -> None:
        key = id(standings)
        self[key] = value, ref(standings, lambda _: self.pop(key))


class Step:
    """One field: resolved, then completed. *details* are its nodes in the document."""

    def __init__(
        self, definition: StrawberryField, field: GraphQLField, parent: GraphQLObjectType, details: FieldDetailsList,
        arguments: dict[str, Any], complete: Completion,
    ) -> None:  # fmt: skip
        self._field = field
        self._parent = parent
        self._nodes = [detail.node for detail in details]
        self._arguments = arguments
        self._complete = complete
        self._figure: str | None = definition.metadata.get(FIGURE)
        self._definition = definition
        self._get = of_object_alone(definition)
        self._get_with = of_object_and_info(definition)
        self._may_wait = definition.metadata.keys() >= MAY_WAIT.keys()
        self._is_uniform = definition.metadata.keys() >= UNIFORM.keys()
        self._gives_views = _is_view(get_named_type(field.type))
        # What is uniform, as resolved, or completed where no place matters: a snapshot never changes.
        self._kept = Kept()

    def values(self, runner: Runner, batch: Batch) -> Sequence[Any]:
        """The field's value for each object of a batch."""
        if isinstance(batch, Objects) or (self._figure is None and not self._is_uniform):
            return self._complete.each(runner, self._resolved(runner, batch.objects()))
        if self._figure is not None:
            return self._complete.each(runner, batch.figures(self._figure))
        known = self._kept
        try:
            kept = [known[id(standings)][0] for standings in batch.standings]
        except KeyError:
            kept = [self._keep(runner, *each) for each in zip(batch.views, batch.standings, strict=True)]
        if self._gives_views:
            return self._complete.uniform(runner, kept, batch.places)
        return [value for value in kept for _ in batch.places.places]

    def _keep(self, runner: Runner, view: View, standings: Standings) -> Any:
        [value] = resolved = self._resolved(runner, [view])
        if not self._gives_views:
            [value] = self._complete.each(runner, resolved)
        self._kept.keep(standings, value)
        return value

    def _resolved(self, runner: Runner, objects: list[Any]) -> list[Any]:
        if self._get is not None:
            return list(map(self._get, objects))
        resolve, arguments = self._field.resolve, self._arguments
        assert resolve is not None, "Strawberry gives every field a resolver"
        info = runner.build_resolve_info(self._field, self._nodes, self._parent, NOWHERE)
        if self._get_with is not None:
            own_info = strawberry.Info(info, self._definition)
            values = [self._get_with(each, info=own_info) for each in objects]
        else:
            values = [resolve(each, info, **arguments) for each in objects]
        if self._may_wait and any(map(isawaitable, values)):
            for coroutine in filter(iscoroutine, values):
                coroutine.close()
            raise UnplannedError("a value must be waited for")
        return values


@dataclass(frozen=True, slots=True)
class TypeName:
    """The field `__typename`."""

    name: str

    def values(self, _: Runner, batch: Batch) -> Sequence[Any]:
        return [self.name] * len(batch)


def build(runner: Runner, type_: GraphQLObjectType, selected: GroupedFieldSet) -> Plan | None:
    """The plan of what is *selected* of an object of *type_*; None when it must be executed plainly."""
    steps: dict[str, Step | TypeName] = {}
    for name, nodes in selected.items():
        step = _step(runner, type_, nodes)
        if step is None:
            return None
        steps[name] = step
    return Plan(steps)


def _step(runner: Runner, parent: GraphQLObjectType, details: FieldDetailsList) -> Step | TypeName | None:
    node = details[0].node
    if node.name.value == "__typename":
        return TypeName(parent.name)
    field = parent.fields.get(node.name.value)
    definition = None if field is None else strawberry_field(field)
    if field is None or definition is None or definition.is_async or definition.extensions:
        return None
    completion = _completion(runner, field.type, details, is_figure=FIGURE in definition.metadata)
    if completion is None:
        return None
    arguments = get_argument_values(field, node, runner.variable_values)
    return Step(definition, field, parent, details, arguments, completion)


def _completion(
    runner: Runner, type_: GraphQLOutputType, details: FieldDetailsList, *, is_figure: bool
) -> Completion | None:
    if isinstance(type_, GraphQLNonNull):
        inner = _completion(runner, type_.of_type, details, is_figure=is_figure)
        return None if inner is None else NonNull(inner)
    if isinstance(type_, GraphQLList):
        item = _completion(runner, type_.of_type, details, is_figure=is_figure)
        return None if item is None else ListOf(item)
    if isinstance(type_, GraphQLObjectType):
        plan = build(runner, type_, runner.collect_subfields(type_, details).grouped_field_set)
        return None if plan is None else Object(plan)
    if is_figure and isinstance(type_, GraphQLScalarType) and type_.name in EXACT:
        return Exact()
    return Leaf(type_) if is_leaf_type(type_) else None


def _is_view(type_: GraphQLNamedType) -> bool:
    definition = type_.extensions.get(DEFINITION)
    return isinstance(definition, StrawberryObjectDefinition) and issubclass(definition.origin, View)
