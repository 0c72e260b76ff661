"""Documents that are made to keep the server busy: refused with a code, or answered, for little work either way."""

import asyncio
import time
from contextlib import suppress
from typing import Any

import pytest
import websockets
from graphql import get_introspection_query

from api.error import DocumentError
from api.operation import limits
from api.operation.document import Documents
from api.operation.limits import MOST_CHARACTERS
from api.operation.memory import Memory
from api.operation.request import GraphQLRequest
from api.schema.build import create_schema
from db.settings import Settings
from tests.api.operation.test_limits import EVERYTHING, HOSTILE
from tests.api.websocket.test_subscription import TRANSPORT, Socket, address
from tests.conftest import Api

# What GraphiQL asks at its start took 7 ms, so these are the 50 ms that a document may take.
HONEST = get_introspection_query(input_value_deprecation=True)
MOST_TIMES = 7
ATTEMPTS = 5
REFUSED = {"LIMIT_EXCEEDED", "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT", "TOO_LARGE"}
SCHEMA = create_schema()._schema
CITY = '{ city(slug: "krefeld") { %s } }'


def many(text: str, count: int) -> str:
    """The text again and again, with its number in place of %d."""
    return " ".join(text.replace("%d", str(number)) for number in range(count))


DOCUMENTS = {
    **HOSTILE,
    "one field again and again": CITY % many("name", 1_980),
    "one selection again and again": CITY % many("result { city { result { city { name } } } }", 110),
    "one field in many fragments": CITY % many("...F%d", 20)
    + many("fragment F%d on City { " + many("name", 35) + "}", 20),
    "one field in inline fragments": CITY % many("... { name }", 380),
    "the same below an operation that is not asked for": "query A { __typename } query B "
    + CITY % many("result { city { name } }", 240),
    "the same in a fragment that is not used": "query A { __typename } fragment F on City { "
    + many("result { city { name } }", 240) + "}",
    "fragments side by side": CITY % many("...F%d", 200) + many("fragment F%d on City { a%d: name }", 190),
    "a cycle with two ways": CITY % "...A"
    + "fragment A on City { a: result { city { ...A } } b: result { city { ...A } } }",
    "a chain of fragments": "{ ...F0 } " + many("fragment F%d on Query { ...F%d }", 240),
    "fragments that all know each other": "{ ...F0 } " + many("fragment F%d on Query {" + many("...F%d", 20) + "}", 20),
    "unused fragments": "{ __typename } " + many("fragment F%d on Query { __typename }", 280),
    "fields that are not there": CITY % many("nam%d", 740),
    "long fields that are not there": CITY % many("nam" + "e" * 900 + "%d", 100),
    "arguments that are not there": "{ city(" + many("a%d: 1", 650) + ") { name } }",
    "one argument again and again": "{ city(" + many('slug: "a"', 650) + ") { name } }",
    "input fields that are not there": "{ cities(filter: {" + many("s%d: 1", 480) + "}) { totalCount } }",
    "variables that are not used": "query(" + many("$a%d: Int", 490) + ") { __typename }",
    "lists in lists": "{ cities(filter: {states: " + "[" * 900 + "]" * 900 + "}) { totalCount } }",
    "a long list": '{ cities(filter: {states: [' + many('"a"', 1_900) + "]}) { totalCount } }",
    "a long string": CITY.replace("krefeld", "a" * (MOST_CHARACTERS - 100)) % "name",
    "a longer string": CITY.replace("krefeld", "a" * 1_000_000) % "name",
    "a block string": CITY.replace('"krefeld"', '"""' + "\n  a" * 24_000 + '"""') % "name",
    "escapes": CITY.replace("krefeld", "\\u0061" * 16_000) % "name",
    "escapes in braces": CITY.replace("krefeld", "\\u{1F600}" * 10_000) % "name",
    "names that only look alike": CITY % "n\u0430me",
    "invisible characters": CITY % "na\u200bme",
    "half a character": CITY.replace("krefeld", "\\uD83D") % "name",
    "a comment": "#" + "a" * 2_000_000 + "\n{ __typename }",
    "commas": "," * 3_000_000 + "{ __typename }",
    "a long number": "{ ranking(edition: " + "9" * 90_000 + ") { revision } }",
    "operations without end": many("query Q%d { __typename }", 390),
    "a page of pages of explanations": "{ ranking { entries(first: 100) { nodes { explanation { points } } } } }",
}  # fmt: skip


def seconds(query: str, name: str | None = None) -> float:
    """CPU time to look at a document that nobody has asked before."""
    documents = Documents(SCHEMA, Settings(), Memory(64), lambda: None)
    started = time.process_time()
    with suppress(DocumentError):
        documents.operation(GraphQLRequest(query, None, name))
    return time.process_time() - started


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_takes_little_time(name: str) -> None:
    """Least times of some attempts, side by side: other work of the machine is in both."""
    operation = "A" if "query A" in DOCUMENTS[name] else None
    attempts = [(seconds(DOCUMENTS[name], operation), seconds(HONEST)) for _ in range(ATTEMPTS)]
    hostile, honest = map(min, zip(*attempts, strict=True))
    assert hostile < MOST_TIMES * honest, f"{hostile * 1e3:.0f} ms, where GraphiQL's own takes {honest * 1e3:.1f} ms"


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_a_document_is_answered_or_refused_with_a_code(name: str, read_api: Api) -> None:
    response = await read_api.client.post(
        "/graphql",
        json={"query": DOCUMENTS[name], "operationName": "A" if "query A" in DOCUMENTS[name] else None},
        headers={"Accept": "application/graphql-response+json"},
    )
    assert response.status_code in (200, 400, 413), response.text
    for error in response.json().get("errors", ()):
        assert error["extensions"]["code"] in REFUSED


async def test_the_same_over_a_socket_and_as_a_stream(read_api: Api) -> None:
    query = DOCUMENTS["one selection again and again"]
    async with websockets.connect(address(read_api), subprotocols=[TRANSPORT]) as connection:
        socket = Socket(connection)
        await socket.send(type="connection_init")
        assert (await socket.receive())["type"] == "connection_ack"
        over_socket = await socket.refused(query)
        await socket.nothing()
    stream = await read_api.client.post("/graphql", json={"query": query}, headers={"Accept": "text/event-stream"})
    for error in (str(over_socket), stream.text):
        assert "LIMIT_EXCEEDED" in error


async def test_others_are_answered_meanwhile(read_api: Api) -> None:
    """Between any two hostile documents of a flood, an honest query has its turn."""
    flood = [DOCUMENTS[name] for name in ("one field again and again", "unused fragments", "a long list", "escapes")]
    waits: list[float] = []

    async def attack(query: str) -> None:
        for number in range(25):
            await read_api.client.post("/graphql", json={"query": f"{query} # {number}"})

    async def ask() -> None:
        while not attacking.done():
            started = time.monotonic()
            await read_api.data('{ city(slug: "krefeld") { name } }')
            waits.append(time.monotonic() - started)

    attacking = asyncio.gather(*map(attack, flood))
    await ask()
    await attacking
    assert len(waits) > 25
    # Each of four attackers may have one document before it, on a machine with other work.
    assert sorted(waits)[len(waits) // 2] < 2 * len(flood) * MOST_TIMES * seconds(HONEST)


@pytest.mark.parametrize(
    "variables",
    [
        {"states": ["a"] * 60_000},
        {"states": [["a"]] * 20_000},
        {"states": {"a": {"b": [1] * 20_000}}},
        {f"a{number}": 1 for number in range(20_000)},
    ],
    ids=["list", "lists", "objects", "names"],
)
async def test_variables_of_a_reader_have_a_limit(variables: dict[str, Any], read_api: Api) -> None:
    query = "query($states: [String!]) { cities(filter: {states: $states}) { totalCount } }"
    answer = await read_api.post(query, variables)
    [error] = answer["errors"]
    assert error["message"] == f"too many values in the variables: the limit of a document is {limits.MOST_VALUES}"
    assert error["extensions"]["code"] == "LIMIT_EXCEEDED"
    assert error["extensions"]["requested"] > error["extensions"]["limit"] == limits.MOST_VALUES


async def test_a_list_of_operations_is_no_request(read_api: Api) -> None:
    response = await read_api.client.post("/graphql", json=[{"query": "{ __typename }"}] * 100)
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


async def test_the_cost_is_told_to_who_asks(read_api: Api) -> None:
    body, cost = {"query": EVERYTHING}, {"SCI-Cost": "report"}
    plain = [await read_api.client.post("/graphql", json=body) for _ in range(2)]
    told = [await read_api.client.post("/graphql", json=body, headers=cost) for _ in range(2)]
    again = await read_api.client.post("/graphql", json=body)
    for answer in told:
        assert answer.json()["extensions"] == {"cost": {"requested": 59_901, "limit": limits.LIMITS.cost}}
        assert answer.headers["cache-control"] == "no-store"
    for answer in (*plain, again):
        assert "extensions" not in answer.json()
    refused = await read_api.client.post("/graphql", json={"query": HOSTILE["pages of pages"]}, headers=cost)
    extensions = refused.json()["errors"][0]["extensions"]
    assert extensions["requested"] > extensions["limit"] == limits.LIMITS.cost
