"""Operations that hypothesis makes of the schema, most of their arguments such that there is an answer."""

from pathlib import Path
from typing import Any

from graphql import (
    ArgumentNode,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    ObjectFieldNode,
    ObjectValueNode,
    StringValueNode,
    ValueNode,
    Visitor,
    print_ast,
    visit,
)
from hypothesis import HealthCheck
from hypothesis import strategies as st

from api import schema

SDL = (Path(schema.__file__).parents[1] / "schema.graphql").read_text()
SCALARS = {"DateTime": st.just(StringValueNode(value="2026-01-01T00:00:00Z"))}
SLOW = list(HealthCheck)

NOTHING = NullValueNode()
YEARS = [IntValueNode(value="2025"), IntValueNode(value="2024"), NOTHING]
NUMBERS = [IntValueNode(value="1"), NOTHING]
CITIES = [StringValueNode(value="krefeld")]
# Three of four arguments with these names get a value that something has, so that there is an answer below.
REAL: dict[str, list[Any]] = {
    "edition": YEARS,
    "year": YEARS,
    "revision": NUMBERS,
    "since": NUMBERS,
    "first": NUMBERS,
    "last": NUMBERS,
    "after": [NOTHING],
    "before": [NOTHING],
    "city": CITIES,
    "slug": CITIES,
    "code": [StringValueNode(value="administration")],
    "measure": [StringValueNode(value="payment"), StringValueNode(value="mobility")],
}


class Realistic(Visitor):
    """Puts real values in place of most drawn ones."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def enter_argument(self, node: ArgumentNode, *_: Any) -> Any:
        return self._replace(node)

    def enter_object_field(self, node: ObjectFieldNode, *_: Any) -> Any:
        return self._replace(node)

    def _replace(self, node: ArgumentNode | ObjectFieldNode) -> Any:
        self.count += 1
        values: list[ValueNode] | None = REAL.get(node.name.value)
        if values is None or self.count % 4 == 0 or isinstance(node.value, ObjectValueNode | ListValueNode):
            return None
        return type(node)(name=node.name, value=values[self.count % len(values)])


def realistic(document: Any) -> str:
    return print_ast(visit(document, Realistic()))
