"""What a field takes is in line with what it costs, for every field with every argument at its largest.

The test walks the schema, so a new field or argument is in it without anyone thinking of it.
"""

import time
from collections import deque
from collections.abc import Iterator
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLObjectType,
    GraphQLScalarType,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
)

from api.access.rate_limit import REQUEST_COST
from api.access.token import Role, Viewer
from api.operation import limits
from api.operation.context import Context
from api.operation.execution import Unfinished
from api.operation.request import GraphQLRequest
from api.planning.library import core_schema
from api.schema.build import create_schema
from api.schema.node import encode
from tests.api.operation.test_hostile import HONEST
from tests.conftest import Api

SCHEMA = core_schema(create_schema())
ALIASES = 9
ATTEMPTS = 3
# A unit of the introspection query, which is mostly overhead of lists, takes 0.35 µs; the largest found is 14 times.
MOST_TIMES = 20

# Where every argument cannot be the largest at once, or must name something to reach what is behind it.
VALUES: dict[str, Any] = {
    "edition": 2025, "year": 2025, "revision": 1, "since": 0, "last": None, "after": None, "before": None,
    "first": limits.MAX_PAGE_SIZE, "city": "krefeld", "slug": "krefeld", "code": "mobility", "measure": "payment",
    "status": None, "methodology": None, "source": None,
}  # fmt: skip
IDS: dict[str, tuple[Any, ...]] = {
    "node": ("RankingEntry", "stored", 2025, 1, "krefeld"), "submission": ("Submission", 2025, 1),
    "proposal": ("Proposal", 1),
}  # fmt: skip


def largest(type_: Any, name: str) -> Any:
    """The largest value of an argument that its bounds allow."""
    kind: Any = get_nullable_type(type_)
    if isinstance(kind, GraphQLList):
        return [largest(kind.of_type, name.removesuffix("s"))] * limits.LIST_ITEMS
    if name in VALUES:
        return VALUES[name]
    if isinstance(kind, GraphQLInputObjectType):
        return {each: largest(field.type, each) for each, field in kind.fields.items()}
    if isinstance(kind, GraphQLEnumType):
        return list(kind.values)[-1]
    assert isinstance(kind, GraphQLScalarType)
    longest = "ä" * limits.NAME_CHARACTERS
    return {"String": longest, "ID": longest, "Boolean": True, "Float": 1e9}.get(kind.name, 2**31 - 1)


def ways() -> Iterator[tuple[str, list[tuple[str, GraphQLField]]]]:
    """Every field of the schema that a query reaches, with the shortest way to it."""
    query = SCHEMA.query_type
    assert query is not None
    waiting: deque[tuple[GraphQLObjectType, list[tuple[str, GraphQLField]]]] = deque([(query, [])])
    entered = {query.name}
    while waiting:
        type_, way = waiting.popleft()
        for name, field in type_.fields.items():
            yield f"{type_.name}.{name}", [*way, (name, field)]
            below = get_named_type(field.type)
            if isinstance(below, GraphQLObjectType) and below.name not in entered:
                entered.add(below.name)
                waiting.append((below, [*way, (name, field)]))


class Asking:
    """A query that asks for the last field of a way again and again, and for one page of the fields above it."""

    def __init__(self, way: list[tuple[str, GraphQLField]]) -> None:
        self.variables: dict[str, Any] = {}
        self._types: dict[str, str] = {}
        name, field = way[-1]
        inner = "" if is_leaf_type(get_named_type(field.type)) else " { __typename }"
        text = " ".join(f"a{number}: {name}{self._given(name, field)}{inner}" for number in range(ALIASES))
        for above, field_above in reversed(way[:-1]):
            text = f"{above}{self._given(above, field_above)} {{ {text} }}"
        declared = ", ".join(f"${variable}: {type_}" for variable, type_ in self._types.items())
        self.query = f"query({declared}) {{ {text} }}" if declared else f"{{ {text} }}"

    def _given(self, name: str, field: GraphQLField) -> str:
        for each, argument in field.args.items():
            variable = f"{name}_{each}"
            self.variables[variable] = encode(*IDS[name]) if name in IDS else largest(argument.type, each)
            if (name, each) == ("corrections", "first"):
                # A page of a hundred of every edition, with its values, costs more than a document may.
                self.variables[variable] = 1
            self._types[variable] = str(argument.type)
        given = ", ".join(f"{each}: ${name}_{each}" for each in field.args)
        return f"({given})" if given else ""


WAYS = dict(ways())


async def unit(api: Api, query: str, variables: dict[str, Any] | None = None) -> float:
    """CPU seconds of an operation by its cost; the least of some attempts, the document known."""
    execution, asked = api.service.http.execution, GraphQLRequest(query, variables, None)
    operation = execution._documents.operation(asked)
    attempts = []
    for _ in range(ATTEMPTS):
        context = Context(api.service.pool, api.service.live, api.service.tokens, "")
        context.bearer = Viewer("tester", Role.ADMIN, ())
        started = time.process_time()
        result = execution.begin(operation, asked, context)
        if isinstance(result, Unfinished):
            await result.finish()
        attempts.append(time.process_time() - started)
    return min(attempts) / (REQUEST_COST + operation.cost)


@pytest.fixture(scope="module")
def honest() -> dict[str, float]:
    """What a unit of the introspection query takes, once it is measured."""
    return {}


@pytest.mark.parametrize("name", WAYS)
async def test_a_field_takes_what_it_costs(name: str, read_api: Api, honest: dict[str, float]) -> None:
    asking = Asking(WAYS[name])
    if not honest:
        honest["unit"] = await unit(read_api, HONEST)
    times = await unit(read_api, asking.query, asking.variables) / honest["unit"]
    assert times < MOST_TIMES, (
        f"a unit of its cost takes {times:.0f} times as long as of GraphiQL's introspection query"
    )


def test_every_field_that_a_query_can_ask_for_is_tried() -> None:
    introspection = {name for name in SCHEMA.type_map if name.startswith("__")}
    reached = {type_.split(".")[0] for type_ in WAYS}
    objects = {name for name, type_ in SCHEMA.type_map.items() if isinstance(type_, GraphQLObjectType)}
    payloads = {name for name in objects if name.endswith("Payload")}
    assert objects - introspection - payloads - reached == {"Mutation", "Subscription", "RankingRecomputed"}


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("query($s: CityFilter) { cities(filter: $s) { totalCount } }", {"s": {"search": "a" * 240_000}}),
        ("query($s: [String!]) { ranking { peers(states: $s) { cityCount } } }", {"s": ["a"] * 5_000}),
        ("query($s: ID!) { node(id: $s) { id } }", {"s": "a" * 200_000}),
        ('{ city(slug: "%s") { name } }' % ("a" * 90_000), {}),
        ("query($s: Int) { ranking(edition: $s) { revision } }", {"s": "a" * 200_000}),
        ("query($s: RankingOrder) { ranking { entries(orderBy: $s) { totalCount } } }", {"s": "a" * 200_000}),
        ("{ ranking { %s } }" % ("a" * 90_000), {}),
        ("{ ranking { entries(orderBy: %s) { totalCount } } }" % ("a" * 90_000), {}),
        ('{ ranking(edition: "%s") { revision } }' % ("a" * 90_000), {}),
        ("query($%s: String!) { __typename }" % ("a" * 90_000), {}),
        ("{ ...%s }" % ("a" * 90_000), {}),
        ("{ __typename @%s }" % ("a" * 90_000), {}),
        ("%s" % ("a" * 90_000), {}),
        ("{ city(slug: \"a\") { %s: name } }" % ("a" * 90_000), {}),
        ('mutation($s: String!) { submitScores(input: {edition: 2025, scores: [{city: $s, measure: $s, value: 1}]}) {'
         " errors { message path } } }", {"s": "a" * 150}),
    ],
    ids=range(15),
)  # fmt: skip
async def test_an_error_repeats_the_beginning_of_an_input(query: str, variables: Any, read_api: Api) -> None:
    body = {"query": query, "variables": variables}
    headers = {"Authorization": f"Bearer {read_api.token()}"}
    response = await read_api.client.post("/graphql", json=body, headers=headers)
    answer = response.json()
    assert "errors" in response.text
    assert (answer.get("errors") or answer["data"]["submitScores"]["errors"])[0]["message"]
    assert len(response.text) < 3_000
    assert "a" * 101 not in response.text
