"""Plans: a selection on plain data, worked out once, then answered for many objects at once.

graphql-core spends five to six microseconds on each field of each object, which makes 0.1 s of a whole nested ranking.
A `Plan` has one step a field of its selection. A step gets a *batch* of objects and gives one value for each; then the
values of all steps are put together, object by object. For

    { ranking { entries { nodes { rank city { name } categories { category { code } score } } } } }

the plan of `nodes` gets a `Table` of one column, the overall one, and 83 rows:

    rank        ColumnValue      [1, 2, 3, ...] from the column
    city        SameForColumns   83 cities, completed by a plan of their own
    categories  SameForRows      one view a category, made once; their plan gets a table of 5 columns and 83 rows:
                  category       SameForRows: 5 values, each repeated in 83 rows
                  score          ColumnValue: 415 values from 5 columns

so no object is made for any of the 415 results. Any other field is an `EachObject`: it is resolved object by object,
as graphql-core would.

What a plan cannot do, it does not try: a selection with a field that must be awaited has no plan (`build` gives None),
and a run that meets an error, or a null where none may be, raises. Then the selection is executed the plain way, which
is right about errors and null propagation by definition.
"""

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

from graphql import (
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    get_named_type,
    is_leaf_type,
)
from strawberry.types.base import StrawberryObjectDefinition

from api.planning.batch import Batch, batches
from api.planning.completion import Completion, Exact, Leaf, ListOf, Object, Runner
from api.planning.library import DEFINITION, FieldDetailsList, GroupedFieldSet, get_argument_values
from api.planning.resolver import strawberry_field
from api.planning.step import ColumnValue, EachObject, SameForColumns, SameForRows, Step, TypeName, resolver
from api.planning.view import BY_PLACE, FIGURE, UNIFORM, View

# Values of these types are Python's own in a column: graphql-core would check each of them and change none.
EXACT = frozenset({"Float", "Int", "Boolean"})


# Of one step with its share of the function that puts values together, without the plan below it.
STEP_BYTES = 1_500


class Plan:
    """The steps of a selection on objects of one type, by response name."""

    def __init__(self, steps: dict[str, Step]) -> None:
        self.size_bytes = sum(STEP_BYTES + step.size_bytes for step in steps.values())
        self._steps = list(steps.values())
        self._assemble = _assembler(list(steps))

    def run(self, runner: Runner, objects: Sequence[Any]) -> list[dict[str, Any]]:
        """The answer for each object."""
        answers = [self.answer(runner, batch) for batch in batches(objects)]
        return answers[0] if len(answers) == 1 else list(chain.from_iterable(answers))

    def answer(self, runner: Runner, batch: Batch) -> list[dict[str, Any]]:
        """The answer for each object of a batch."""
        return self._assemble([step.values(runner, batch) for step in self._steps])


def _assembler(names: list[str]) -> Callable[[list[Sequence[Any]]], list[dict[str, Any]]]:
    """Makes objects with *names*, which are GraphQL's, of a column for each.

    Compiled: one dict display takes half of the time of setting keys one after the other.
    """
    values = [f"value_{number}" for number in range(len(names))]
    pairs = ", ".join(f"{name!r}: {value}" for name, value in zip(names, values, strict=True))
    row = ", ".join(values)
    source = f"lambda columns: [{{{pairs}}} for {row}, in zip(*columns, strict=True)]"
    assemble: Callable[[list[Sequence[Any]]], list[dict[str, Any]]] = eval(source)  # noqa: S307 - of names alone
    return assemble


def build(runner: Runner, type_: GraphQLObjectType, selected: GroupedFieldSet) -> Plan | None:
    """The plan of what is *selected* of an object of *type_*; None when it must be executed plainly."""
    steps: dict[str, Step] = {}
    for name, nodes in selected.items():
        step = _step(runner, type_, nodes)
        if step is None:
            return None
        steps[name] = step
    return Plan(steps)


def _step(runner: Runner, parent: GraphQLObjectType, details: FieldDetailsList) -> Step | None:
    node = details[0].node
    if node.name.value == "__typename":
        return TypeName(parent.name)
    field = parent.fields.get(node.name.value)
    definition = None if field is None else strawberry_field(field)
    if field is None or definition is None or definition.is_async or definition.extensions:
        return None
    metadata = definition.metadata
    completion = _completion(runner, field.type, details, is_column_value=FIGURE in metadata)
    if completion is None:
        return None
    if FIGURE in metadata:
        return ColumnValue(completion, metadata[FIGURE])
    if BY_PLACE in metadata:
        return SameForColumns(completion, metadata[BY_PLACE])
    arguments = get_argument_values(field, node, runner.variable_values)
    resolve = resolver(definition, field, parent, details, arguments)
    if metadata.keys() >= UNIFORM.keys():
        return SameForRows(completion, resolve, gives_views=_is_view(get_named_type(field.type)))
    return EachObject(completion, resolve)


def _completion(
    runner: Runner, type_: GraphQLOutputType, details: FieldDetailsList, *, is_column_value: bool
) -> Completion | None:
    is_required = isinstance(type_, GraphQLNonNull)
    if isinstance(type_, GraphQLNonNull):
        type_ = type_.of_type
    if isinstance(type_, GraphQLList):
        item = _completion(runner, type_.of_type, details, is_column_value=is_column_value)
        return None if item is None else ListOf(is_required, item)
    if isinstance(type_, GraphQLObjectType):
        plan = build(runner, type_, runner.collect_subfields(type_, details).grouped_field_set)
        return None if plan is None else Object(is_required, plan)
    if is_column_value and isinstance(type_, GraphQLScalarType) and type_.name in EXACT:
        return Exact(is_required)
    return Leaf(is_required, type_) if is_leaf_type(type_) else None


def _is_view(type_: GraphQLNamedType) -> bool:
    definition = type_.extensions.get(DEFINITION)
    return isinstance(definition, StrawberryObjectDefinition) and issubclass(definition.origin, View)
