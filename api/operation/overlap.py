"""How much work validation has with fields that are asked for more than once.

graphql-core compares every two fields of one response name, and what is selected below them, and every two fragments
side by side: a document of 5 kB kept it busy for 300 ms. Here the same pairs are only counted.
"""

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from api.operation import limits

# Comparing 3,000 pairs took 25 ms.
MOST_PAIRS = 3_000
# A cycle of fragments, which validation refuses later, has fields without end.
MOST_FIELDS = 5_000


def check(document: DocumentNode) -> None:
    """Raise `LimitError` for a document whose fields and fragments make too many pairs, in any part of it."""
    found = pairs(document)
    if found > MOST_PAIRS:
        raise limits.LimitError("pairs of fields that are the same", found, MOST_PAIRS)


def pairs(document: DocumentNode) -> int:
    """How many pairs validation compares; not all are counted once there are too many."""
    counting, found = _Pairs(document), 0
    for definition in document.definitions:
        if found <= MOST_PAIRS and isinstance(definition, OperationDefinitionNode | FragmentDefinitionNode):
            found += counting.count([definition.selection_set])
    return found


class _Pairs:
    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {
            node.name.value: node.selection_set
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        self._fields = 0

    def count(self, merged: list[SelectionSetNode], level: int = 0) -> int:
        """Of selection sets that are answered as one."""
        fields, fragments = self._collect(merged)
        found = _pairs(fragments) + sum(_pairs(len(same)) for same in fields.values())
        if level < limits.LIMITS.depth and self._fields <= MOST_FIELDS and found <= MOST_PAIRS:
            for same in fields.values():
                below = [field.selection_set for field in same if field.selection_set]
                found += self.count(below, level + 1) if below else 0
        return found

    def _collect(self, merged: list[SelectionSetNode]) -> tuple[dict[str, list[FieldNode]], int]:
        """The fields of selection sets by response name, and how many fragments they come from."""
        fields: dict[str, list[FieldNode]] = {}
        spread: set[str] = set()
        waiting = list(merged)
        while waiting:
            for selection in waiting.pop().selections:
                if isinstance(selection, FieldNode):
                    self._fields += 1
                    fields.setdefault((selection.alias or selection.name).value, []).append(selection)
                elif isinstance(selection, InlineFragmentNode):
                    waiting.append(selection.selection_set)
                elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in spread:
                    spread.add(selection.name.value)
                    if selection.name.value in self._fragments:
                        waiting.append(self._fragments[selection.name.value])
        return fields, len(spread)


def _pairs(count: int) -> int:
    return count * (count - 1) // 2
