"""What pages of other origins may do, what browsers are told, and what leaves the process."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
import websockets

from db.settings import Settings
from tests.api.websocket.test_subscription import SUBMIT, TRANSPORT, Socket, address
from tests.conftest import Api, running_api

OURS, FOREIGN = "https://frontend.example", "https://evil.example"
ASKED = {"query": '{ city(slug: "krefeld") { name } }'}
PATHS = ["/", "/graphql?query={__typename}", "/export/2025.csv", "/graphiql/", "/healthz", "/metrics", "/nothing"]
SET_ONE = """mutation { submitScores(
  input: {edition: 2025, scores: [{city: "krefeld", measure: "payment", value: 1}]}) { submission { revision } } }"""
MUTATION = json.dumps({"query": SET_ONE}).encode()
INTROSPECTION = ["{ __schema { types { name } } }", '{ __type(name: "City") { name } }']


@pytest.fixture
async def named(settings: Settings) -> AsyncIterator[Api]:
    """A server that knows one other origin, and gives no introspection or GraphiQL."""
    changed = {"allowed_origins": (OURS,), "introspection": False, "graphiql": False}
    async with running_api(settings.model_copy(update=changed)) as api:
        yield api


async def preflight(api: Api, origin: str, headers: str = "content-type,authorization") -> httpx2.Response:
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": headers}
    return await api.client.options("/graphql", headers=asked)


async def test_pages_of_named_origins_may_ask(named: Api) -> None:
    allowed = await preflight(named, OURS)
    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, OURS)
    assert "access-control-allow-credentials" not in allowed.headers
    assert (await preflight(named, FOREIGN)).status_code == 400
    assert (await preflight(named, OURS, "x-other")).status_code == 400
    # The third is answered byte for byte as the second.
    answers = [await named.client.post("/graphql", json=ASKED, headers={"Origin": OURS}) for _ in range(3)]
    for answer in answers:
        assert answer.headers["access-control-allow-origin"] == OURS
        assert "ETag" in answer.headers["access-control-expose-headers"]
        assert "Origin" in answer.headers["vary"]
    assert (
        "access-control-allow-origin"
        not in (await named.client.post("/graphql", json=ASKED, headers={"Origin": FOREIGN})).headers
    )
    assert "Origin" in (await named.client.post("/graphql", json=ASKED)).headers["vary"], "a cache must not mix them up"


async def test_by_default_no_other_origin_reads_anything(read_api: Api) -> None:
    for answer in (
        await preflight(read_api, FOREIGN),
        await read_api.client.post("/graphql", json=ASKED, headers={"Origin": FOREIGN}),
        await read_api.client.get("/export/2025.json", headers={"Origin": FOREIGN}),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "sent",
    [
        {"content": MUTATION, "headers": {"Content-Type": "text/plain"}},
        {"data": {"query": SET_ONE}},
        {"files": {"operations": MUTATION}},
        {"content": MUTATION},
    ],
    ids=["text", "form", "multipart", "none"],
)
async def test_what_a_page_may_send_unasked_changes_nothing(sent: Any, api: Api) -> None:
    headers = {"Authorization": f"Bearer {api.token()}", **sent.get("headers", {})}
    refused = await api.client.post("/graphql", **{**sent, "headers": headers})
    assert refused.status_code == 415
    assert (await api.data("{ edition(year: 2025) { revision } }"))["edition"]["revision"] == 1


async def test_a_mutation_by_get_changes_nothing(api: Api) -> None:
    headers = {"Authorization": f"Bearer {api.token()}"}
    refused = await api.client.get("/graphql", params={"query": SUBMIT}, headers=headers)
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
    assert (await api.data("{ edition(year: 2025) { revision } }"))["edition"]["revision"] == 1


@pytest.mark.parametrize("path", PATHS)
async def test_every_answer_tells_browsers_what_they_may_do(path: str, read_api: Api) -> None:
    for _ in range(3):
        headers = (await read_api.client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers.get_list("content-security-policy") == [headers["content-security-policy"]]
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "server" not in headers


@pytest.mark.parametrize("query", INTROSPECTION)
async def test_without_introspection(query: str, named: Api) -> None:
    accept = {"Accept": "application/graphql-response+json"}
    refused = await named.client.post("/graphql", json={"query": query}, headers=accept)
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert await named.data("{ __typename editions { __typename } }")
    async with websockets.connect(address(named), subprotocols=[TRANSPORT]) as connection:
        socket = Socket(connection)
        await socket.send(type="connection_init")
        assert (await socket.receive())["type"] == "connection_ack"
        assert (await socket.refused("{ __schema { __typename } }"))["extensions"][
            "code"
        ] == "GRAPHQL_VALIDATION_FAILED"


async def test_graphiql_needs_nobody_else(read_api: Api, named: Api) -> None:
    page = await read_api.client.get("/graphiql/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(loaded) == 6
    sizes = {}
    for name in [*loaded, "fetcher.js"]:
        assert "//" not in name, "another host"
        found = await read_api.client.get(f"/graphiql/{name}")
        assert found.status_code == 200, name
        assert found.headers["content-type"].partition(";")[0] in ("text/javascript", "text/css")
        sizes[name] = len(found.content)
    assert sizes["graphiql.js.gz"] > 1_000_000, "unpacked as a browser does"
    assert '"/graphiql/"' in (await read_api.client.get("/en/2025")).text
    assert (await read_api.client.post("/graphiql/")).headers["allow"] == "GET, HEAD, OPTIONS"
    assert (await named.client.get("/graphiql/")).status_code == 404
    assert "graphiql/" not in (await named.client.get("/en/2025")).text


LEAKS = re.compile(
    r'Traceback|File "|\.py\b|asyncpg|select |/usr/|site-packages|uvicorn|starlette|PostgreSQL', re.IGNORECASE
)
STRANGE: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", "/nothing/../../etc/passwd", {}),
    ("GET", "/graphiql/%2e%2e/%2e%2e/cli.py", {}),
    ("GET", "/graphiql/../__init__.py", {}),
    ("GET", "/export/2025.py", {}),
    ("GET", "/export/99999999999999999999.csv", {}),
    ("PATCH", "/graphql", {}),
    ("POST", "/graphql", {"json": {"query": "{ city(slug: 1) { nothing } }"}}),
    ("POST", "/graphql", {"json": {"query": '{ node(id: "x") { id } }'}}),
    ("POST", "/graphql", {"json": {"query": "{"}}),
    ("POST", "/graphql", {"content": b"\xff", "headers": {"Content-Type": "application/json"}}),
    ("POST", "/graphql", {"json": {"query": "{ editions { year } }"}, "headers": {"Authorization": "Bearer x.y.z"}}),
]


@pytest.mark.parametrize(("verb", "path", "sent"), STRANGE)
async def test_nothing_of_the_inside_is_told(verb: str, path: str, sent: dict[str, Any], read_api: Api) -> None:
    answer = await read_api.client.request(verb, path, **sent)
    assert answer.status_code < 500
    assert not LEAKS.search(answer.text), answer.text


async def test_a_failure_of_ours_is_told_by_its_trace_id_alone(api: Api) -> None:
    await api.service.pool.execute("drop table submission cascade")
    answer = await api.post(SUBMIT, {"value": 50}, api.token())
    text = str(answer)
    assert answer["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert re.search(r"trace id is [0-9a-f]{32}", text)
    assert not LEAKS.search(text), text
    assert "submission" not in answer["errors"][0]["message"]
