"""Any operation that the schema allows: answered, or refused with a code; a query changes nothing."""

from pathlib import Path
from typing import Any

import hypothesis_graphql
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
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api import schema
from db.pool import Pool
from tests.conftest import Api

SDL = (Path(schema.__file__).parents[1] / "schema.graphql").read_text()
SCALARS = {"DateTime": st.just(StringValueNode(value="2026-01-01T00:00:00Z"))}
EXPECTED = {
    "BAD_USER_INPUT",
    "GRAPHQL_VALIDATION_FAILED",
    "GRAPHQL_PARSE_FAILED",
    "LIMIT_EXCEEDED",
    "UNAUTHENTICATED",
    "FORBIDDEN",
}
STATE = """select (select count(*) from submission) as submissions, (select sum(revision) from edition) as revisions,
  (select count(*) from score_change) as changes, (select count(*) from uncertainty) as analyses,
  (select count(*) from outbox) as requests, (select count(*) from city) as cities"""
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


def check(answer: Any, document: str) -> None:
    for error in answer.get("errors", []):
        assert error["extensions"]["code"] in EXPECTED, (error, document)
    assert "data" in answer or answer["errors"]


@settings(max_examples=200, deadline=None, suppress_health_check=SLOW)
@given(document=hypothesis_graphql.queries(SDL, custom_scalars=SCALARS, print_ast=realistic))
async def test_any_query(document: str, api: Api, pool: Pool) -> None:
    before = await pool.fetchrow(STATE)
    for token in (None, api.token()):
        check(await api.post(document, token=token), document)
    assert await pool.fetchrow(STATE) == before


@settings(max_examples=100, deadline=None, suppress_health_check=SLOW)
@given(document=hypothesis_graphql.mutations(SDL, custom_scalars=SCALARS, print_ast=realistic))
async def test_any_mutation(document: str, api: Api, pool: Pool) -> None:
    """Nobody's changes nothing; an admin's may."""
    before = await pool.fetchrow(STATE)
    answer = await api.post(document)
    assert answer.get("data") is None
    check(answer, document)
    assert await pool.fetchrow(STATE) == before
    check(await api.post(document, token=api.token()), document)
