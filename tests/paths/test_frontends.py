"""GraphiQL, urql and Apollo Client against the whole system: query, mutation and subscription."""

import json
from pathlib import Path
from typing import Any

import pytest

from api.web import graphiql
from tests.api.http.test_endpoint import GRAPHQL_JSON, URQL
from tests.paths import node
from tests.paths.conftest import SUBMIT, System

QUERY = """{ ranking(edition: 2025) { revision entries(first: 2) { nodes { city { name } } } } }"""
FOLLOW = """subscription { rankingRecomputed(edition: 2025) {
  ranking { revision entry(city: "krefeld") { category(code: "administration") { indicators { value } } } } } }"""


def operations(value: float, query: str = QUERY) -> str:
    """What a client is to do; the mutation sets Krefeld's Payment indicator to *value*."""
    scores = [{"city": "krefeld", "measure": "payment", "value": value}]
    variables = {"input": {"edition": 2025, "scores": scores}}
    return json.dumps({"query": query, "mutation": SUBMIT, "subscription": FOLLOW, "variables": variables})


def seen(event: Any) -> tuple[int, float]:
    """Revision and Krefeld's Payment value of an event."""
    ranking = event["data"]["rankingRecomputed"]["ranking"]
    return ranking["revision"], ranking["entry"]["category"]["indicators"][1]["value"]


def check(result: Any, revision: int, before: float, after: float) -> None:
    """That the client saw *revision* in its query, submitted, saw the ranking change, and can tell what is refused."""
    assert result["found"]["data"]["ranking"]["revision"] == revision
    names = [entry["city"]["name"] for entry in result["found"]["data"]["ranking"]["entries"]["nodes"]]
    assert names == ["München", "Hamburg"]
    assert result["refused"] == [["GRAPHQL_VALIDATION_FAILED"]] * 2
    assert result["submitted"]["data"]["submitScores"]["errors"] == []
    assert [seen(event) for event in result["events"]] == [(revision, before), (revision + 1, after)]


@pytest.mark.parametrize("transport", ["fetch", "ws"])
async def test_urql_queries_submits_and_follows(transport: str, npm: Path, system: System) -> None:
    token = await system.token()
    current = await system.ranked((await system.submit(11, token))["id"])
    result = await node.run(npm / "urql.mjs", f"{system.url}graphql", transport, token, operations(22))
    check(result, current, 11, 22)
    asked, stream = ("GET", URQL, GRAPHQL_JSON), ("POST", "text/event-stream, multipart/mixed", "text/event-stream")
    expected = [asked, stream, ("POST", URQL, GRAPHQL_JSON)]
    assert [(each["method"], each["accept"], each["type"]) for each in result["requests"]] == [
        each for each in expected if transport == "fetch" or each is not stream
    ]


async def test_apollo_queries_by_hash_submits_and_follows(npm: Path, system: System) -> None:
    token = await system.token()
    current = await system.ranked((await system.submit(33, token))["id"])
    result = await node.run(npm / "apollo.mjs", f"{system.url}graphql", token, operations(44))
    check(result, current, 33, 44)
    assert {each["type"] for each in result["requests"]} == {GRAPHQL_JSON}
    sent = [(each["method"], each["status"]) for each in result["requests"]]
    assert sent == [("GET", 400), ("POST", 200), ("GET", 200), ("POST", 400), ("POST", 200)]


async def test_graphiql(npm: Path, system: System) -> None:
    """What its page asks with; the rest of it is GraphiQL's own."""
    fetcher = Path(graphiql.STATIC / "fetcher.js").as_uri()
    found = await node.run(npm / "graphiql.mjs", fetcher, f"{system.url}graphql")
    assert found["query"] == {"data": {"city": {"name": "Krefeld"}}}
    assert found["event"]["data"]["rankingRecomputed"]["ranking"]["revision"] >= 1
    assert found["refused"]["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert found["unauthenticated"]["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
