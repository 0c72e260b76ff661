"""How much an operation asks for, measured before validation, in time linear in the document's length.

Every fragment is measured once and its complexity is added wherever it is spread: fragments that spread the next one
twice each, which double what is asked for with every line, cost no more to measure than to read.
"""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    Visitor,
    visit,
)

from api.operation import limits
from api.operation.limits import Complexity, LimitError


def check(document: DocumentNode, operation: OperationDefinitionNode, variables: dict[str, Any]) -> Complexity:
    """The complexity of one operation of a document; raises `LimitError` when it is above a limit."""
    given = {
        definition.variable.name.value: getattr(definition.default_value, "value", None)
        for definition in operation.variable_definitions or ()
    } | variables
    calculator = _Calculator(document, given)
    complexity = calculator.measure(operation)
    for field in fields(Complexity):
        requested, limit = getattr(complexity, field.name), getattr(limits.LIMITS, field.name)
        if requested > limit:
            raise LimitError(field.name.replace("_", " "), requested, limit)
    if operation.operation is OperationType.MUTATION:
        _check_mutation(calculator.root_fields(operation))
    return complexity


def _check_mutation(names: set[str]) -> None:
    """Each field of a mutation is a transaction of its own: an error in one would hide what another has stored."""
    if len(names) > limits.MUTATION_FIELDS:
        message = f"an operation has one mutation field, and this one has {len(names)}: send each as an operation"
        raise LimitError("mutation fields", len(names), limits.MUTATION_FIELDS, message)


def page_variables(document: DocumentNode) -> list[str]:
    """The variables that set a page size anywhere in a document: no other one changes its figures."""
    found: set[str] = set()

    class Finder(Visitor):
        def enter_argument(self, node: ArgumentNode, *_: Any) -> None:
            if node.name.value in limits.PAGE_SIZES and isinstance(node.value, VariableNode):
                found.add(node.value.name.value)

    visit(document, Finder())
    return sorted(found)


def page_size(value: Any) -> int | None:
    """How many items a page has with *value* for its size; None for what is no number."""
    if isinstance(value, int) or (isinstance(value, str) and value.isdecimal() and len(value) < 4):
        return min(max(int(value), 1), limits.MAX_PAGE_SIZE)
    return None


class _Calculator:
    def __init__(self, document: DocumentNode, variables: dict[str, Any]) -> None:
        self.variables = variables
        self.fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self.measured: dict[str, Complexity] = {}

    def measure(self, operation: OperationDefinitionNode) -> Complexity:
        for name in self._innermost_first(operation.selection_set):
            self.measured[name] = self._selections(self.fragments[name].selection_set)
        return self._selections(operation.selection_set) + Complexity(directives=len(operation.directives or ()))

    def root_fields(self, operation: OperationDefinitionNode) -> set[str]:
        """The response names of the fields that an operation executes, `__typename` left out."""
        names: set[str] = set()
        entered: set[str] = set()
        waiting = [operation.selection_set]
        while waiting:
            for selection in waiting.pop().selections:
                if isinstance(selection, FieldNode):
                    names.add((selection.alias or selection.name).value if selection.name.value != "__typename" else "")
                elif isinstance(selection, InlineFragmentNode):
                    waiting.append(selection.selection_set)
                elif (
                    isinstance(selection, FragmentSpreadNode)
                    and selection.name.value in self.fragments.keys() - entered
                ):
                    entered.add(selection.name.value)
                    waiting.append(self.fragments[selection.name.value].selection_set)
        return names - {""}

    def _selections(self, selections: SelectionSetNode) -> Complexity:
        return sum(map(self._selection, selections.selections), Complexity())

    def _selection(self, selection: SelectionNode) -> Complexity:
        own = Complexity(directives=len(selection.directives or ()))
        match selection:
            case FieldNode():
                return own + self._field(selection)
            case InlineFragmentNode():
                return own + self._selections(selection.selection_set)
            case FragmentSpreadNode():
                return own + self.measured.get(selection.name.value, Complexity())
        return own

    def _field(self, field: FieldNode) -> Complexity:
        """`root_fields` counts the fields of one selection set, so those below do not go up."""
        below = self._selections(field.selection_set) if field.selection_set else Complexity()
        return Complexity(
            depth=1 + below.depth,
            aliases=below.aliases + (field.alias is not None),
            directives=below.directives,
            root_fields=1,
            fields=1 + below.fields,
            characters_in_a_name=max(len((field.alias or field.name).value), below.characters_in_a_name),
            cost=self._own_cost(field) + self._size(field) * below.cost,
        )

    def _own_cost(self, field: FieldNode) -> int:
        arguments = sum(limits.ARGUMENT_COST.get(argument.name.value, 0) for argument in field.arguments or ())
        return limits.FIELD_COST.get(field.name.value, 1) + arguments

    def _size(self, field: FieldNode) -> int:
        """How many items are below a field; what is not a number here is refused later."""
        for argument in field.arguments or ():
            if argument.name.value in limits.PAGE_SIZES:
                value: Any = getattr(argument.value, "value", None)
                if isinstance(argument.value, VariableNode):
                    value = self.variables.get(argument.value.name.value)
                size = page_size(value)
                if size is not None:
                    return size
        return limits.LIST_SIZE.get(field.name.value, 1)

    def _innermost_first(self, top: SelectionSetNode) -> list[str]:
        """The fragments that *top* reaches, each after those that it spreads.

        Without recursion: a chain of fragments may be longer than Python's stack. In a cycle, which validation
        refuses, one fragment comes too early and counts nothing.
        """
        order: dict[str, None] = {}
        entered: set[str] = set()
        waiting = [(name, False) for name in _spreads(top)]
        while waiting:
            name, is_left = waiting.pop()
            if is_left:
                order[name] = None
            elif name in self.fragments and name not in entered:
                entered.add(name)
                waiting.append((name, True))
                waiting += [(inner, False) for inner in _spreads(self.fragments[name].selection_set)]
        return list(order)


def _spreads(selections: SelectionSetNode) -> Iterator[str]:
    """The names of the fragments that a selection set spreads, at any depth of its own."""
    waiting = [selections]
    while waiting:
        for selection in waiting.pop().selections:
            if isinstance(selection, FragmentSpreadNode):
                yield selection.name.value
            elif inner := getattr(selection, "selection_set", None):
                waiting.append(inner)
