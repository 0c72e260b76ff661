"""What a document may ask for: figures of one operation, taken before validation, linear in its length.

Every fragment is measured once and its figures are added wherever it is spread: fragments that spread the next
one twice each, which double what is asked for with every line, cost no more to measure than to read.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    Visitor,
    visit,
)

MAX_PAGE_SIZE = 100
PAGE_SIZES = ("first", "last")

# Items of each list field, about as the bundled data and the schema have them. A page has as many as `first` or
# `last` says, MAX_PAGE_SIZE when that is left to the default.
LIST_SIZE = {
    **dict.fromkeys(("entries", "cities", "results", "changes"), MAX_PAGE_SIZE),
    **dict.fromkeys(("nodes", "edges"), 1),  # counted with their connection
    "categories": 5,
    "indicators": 8,
    "parameters": 5,
    "hiddenChampionIn": 5,
    "goals": 7,
    "ranks": MAX_PAGE_SIZE,
    "audit": MAX_PAGE_SIZE,
    "proposals": MAX_PAGE_SIZE,
    "scores": 50,
    "fieldChanges": 10,
    "errors": 5,
    "editions": 7,
    "history": 7,
    "published": 20,
    "topTen": 10,
    "hiddenChampions": 30,
    "types": 60,
    "fields": 10,
    "args": 2,
    "inputFields": 6,
    "enumValues": 6,
    "interfaces": 1,
    "possibleTypes": 8,
    "directives": 6,
}

# What a field costs by itself where its resolver does more than look something up. An explanation took 20 ms, as
# long as about 2,000 plain fields.
FIELD_COST = {"explanation": 2_000, "simulateRanking": 10_000}


@dataclass(frozen=True, slots=True)
class Figures:
    """Of an operation: `depth` in levels, the others counted; `cost` is about the fields of its answer."""

    depth: int = 0
    aliases: int = 0
    directives: int = 0
    root_fields: int = 0
    fields: int = 0
    cost: int = 0

    def __add__(self, other: "Figures") -> "Figures":
        """Of two selections side by side."""
        return Figures(
            max(self.depth, other.depth),
            self.aliases + other.aliases,
            self.directives + other.directives,
            self.root_fields + other.root_fields,
            self.fields + other.fields,
            self.cost + other.cost,
        )


# The whole nested ranking with every field down to the indicators costs about 80,000, and GraphiQL's introspection
# query is 15 levels deep. Validation compares each field with every other one of the same name: 750 take 25 ms.
LIMITS = Figures(depth=18, aliases=100, directives=50, root_fields=20, fields=750, cost=100_000)

# In the variables of a reader. To check 10,000 takes 25 ms.
MOST_VALUES = 10_000
LARGEST_EXACT = 2**53


class LimitError(Exception):
    """A document asks for more than is allowed; the message names what, and how much is."""

    def __init__(self, what: str, requested: int, limit: int) -> None:
        super().__init__(f"too many {what}: the limit of a document is {limit}")
        # Doubling fragments come to numbers that JSON has no room for.
        self.requested = min(requested, LARGEST_EXACT)
        self.limit = limit


def check(document: DocumentNode, operation: OperationDefinitionNode, variables: dict[str, Any]) -> Figures:
    """The figures of one operation of a document; raises `LimitError` when one is above its limit."""
    given = {
        definition.variable.name.value: getattr(definition.default_value, "value", None)
        for definition in operation.variable_definitions or ()
    } | variables
    figures = _Meter(document, given).measure(operation)
    for field in fields(Figures):
        requested, limit = getattr(figures, field.name), getattr(LIMITS, field.name)
        if requested > limit:
            raise LimitError(field.name.replace("_", " "), requested, limit)
    return figures


def check_values(variables: Any) -> None:
    """Raise `LimitError` when variables hold too many values at any depth."""
    count, waiting = 0, [variables]
    while waiting:
        inner = waiting.pop()
        inner = inner.values() if isinstance(inner, dict) else inner
        count += len(inner)
        if count > MOST_VALUES:
            raise LimitError("values in the variables", count, MOST_VALUES)
        waiting += [value for value in inner if isinstance(value, dict | list)]


def page_variables(document: DocumentNode) -> list[str]:
    """The variables that set a page size anywhere in a document: no other one changes its figures."""
    found: set[str] = set()

    class Finder(Visitor):
        def enter_argument(self, node: ArgumentNode, *_: Any) -> None:
            if node.name.value in PAGE_SIZES and isinstance(node.value, VariableNode):
                found.add(node.value.name.value)

    visit(document, Finder())
    return sorted(found)


class _Meter:
    def __init__(self, document: DocumentNode, variables: dict[str, Any]) -> None:
        self.variables = variables
        self.fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self.measured: dict[str, Figures] = {}

    def measure(self, operation: OperationDefinitionNode) -> Figures:
        for name in self._innermost_first(operation.selection_set):
            self.measured[name] = self._selections(self.fragments[name].selection_set)
        return self._selections(operation.selection_set) + Figures(directives=len(operation.directives or ()))

    def _selections(self, selections: SelectionSetNode) -> Figures:
        return sum(map(self._selection, selections.selections), Figures())

    def _selection(self, selection: SelectionNode) -> Figures:
        own = Figures(directives=len(selection.directives or ()))
        match selection:
            case FieldNode():
                return own + self._field(selection)
            case InlineFragmentNode():
                return own + self._selections(selection.selection_set)
            case FragmentSpreadNode():
                return own + self.measured.get(selection.name.value, Figures())
        return own

    def _field(self, field: FieldNode) -> Figures:
        """`root_fields` counts the fields of one selection set, so those below do not go up."""
        below = self._selections(field.selection_set) if field.selection_set else Figures()
        return Figures(
            depth=1 + below.depth,
            aliases=below.aliases + (field.alias is not None),
            directives=below.directives,
            root_fields=1,
            fields=1 + below.fields,
            cost=FIELD_COST.get(field.name.value, 1) + self._size(field) * below.cost,
        )

    def _size(self, field: FieldNode) -> int:
        """How many items are below a field; what is not a number here is refused later."""
        for argument in field.arguments or ():
            if argument.name.value in PAGE_SIZES:
                value: Any = getattr(argument.value, "value", None)
                if isinstance(argument.value, VariableNode):
                    value = self.variables.get(argument.value.name.value)
                if isinstance(value, int) or (isinstance(value, str) and value.isdigit() and len(value) < 4):
                    return min(max(int(value), 1), MAX_PAGE_SIZE)
        return LIST_SIZE.get(field.name.value, 1)

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
