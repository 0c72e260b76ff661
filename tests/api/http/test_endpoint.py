"""GraphQL over HTTP: negotiation, status codes, and an answer to every bad request."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from api.access.token import Role
from db.version import VERSION
from tests.conftest import Api

GRAPHQL_JSON = "application/graphql-response+json"
JSON = "application/json"
QUERY = {"query": "{ ranking { revision } }"}
URQL = (
    "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed"
)


def media_type(response: httpx2.Response) -> str:
    return response.headers["content-type"].partition(";")[0]


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        ("application/json, text/plain, */*", JSON),
        ("application/graphql-response+json, */*", GRAPHQL_JSON),
        ("application/json, application/graphql-response+json", GRAPHQL_JSON),
        ("text/event-stream, */*;q=0.1", JSON),
        ("application/graphql-response+json, application/json;q=0.9", GRAPHQL_JSON),
        ("application/graphql-response+json;q=0.5, application/json", JSON),
        ("application/graphql-response+json;q=0, */*", JSON),
        ("application/json;q=0, */*", GRAPHQL_JSON),
        (URQL, GRAPHQL_JSON),
        ("text/event-stream", "text/event-stream"),
    ],
)
async def test_the_answer_has_the_form_that_is_asked_for(accept: str | None, expected: str, read_api: Api) -> None:
    headers = {} if accept is None else {"Accept": accept}
    async with httpx2.AsyncClient(base_url=read_api.url) as client:
        request = client.build_request("POST", "/graphql", json=QUERY, headers=headers)
        if accept is None:
            del request.headers["accept"]
        response = await client.send(request)
    assert (response.status_code, media_type(response)) == (200, expected)
    if "json" in expected:
        assert response.json() == {"data": {"ranking": {"revision": 1}}}


@pytest.mark.parametrize("accept", [None, "application/json", "text/event-stream", URQL, "application/json"])
async def test_an_answer_from_memory_has_the_form_that_is_asked_for(accept: str | None, read_api: Api) -> None:
    query = {"query": '{ city(slug: "ulm") { name } }'}
    await read_api.client.post("/graphql", json=query)
    headers = {} if accept is None else {"Accept": accept}
    response = await read_api.client.post("/graphql", json=query, headers=headers)
    data = '{"data":{"city":{"name":"Ulm"}}}'
    if accept == "text/event-stream":
        assert response.text == f":\n\nevent: next\ndata: {data}\n\nevent: complete\ndata:\n\n"
    else:
        assert (response.text, media_type(response)) == (data, GRAPHQL_JSON if accept == URQL else JSON)


@pytest.mark.parametrize(
    ("query", "accept"),
    [
        ("{ __typename }", "text/html"),
        ("{ __typename }", "multipart/mixed"),
        ("{ __typename }", "application/json;q=0"),
        ("subscription { rankingRecomputed { previousRevision } }", "application/json"),
        ("subscription { rankingRecomputed { previousRevision } }", GRAPHQL_JSON),
        ("mutation { __typename }", "image/png"),
    ],
)
async def test_a_form_that_is_not_there_is_406(query: str, accept: str, read_api: Api) -> None:
    response = await read_api.client.post("/graphql", json={"query": query}, headers={"Accept": accept})
    [error] = response.json()["errors"]
    assert (response.status_code, error["extensions"]["code"]) == (406, "NOT_ACCEPTABLE")
    assert "text/event-stream" in error["message"]


async def test_urqls_header_gets_json_for_a_mutation(read_api: Api) -> None:
    body = {"query": "mutation { __typename }"}
    response = await read_api.client.post("/graphql", json=body, headers={"Accept": URQL})
    assert (response.json(), media_type(response)) == ({"data": {"__typename": "Mutation"}}, GRAPHQL_JSON)


async def test_urqls_header_gets_a_stream_for_a_subscription(read_api: Api) -> None:
    body = {"query": "subscription { rankingRecomputed { ranking { revision } } }"}
    async with read_api.client.stream("POST", "/graphql", json=body, headers={"Accept": URQL}) as response:
        assert response.headers["content-type"].startswith("text/event-stream")


async def test_a_query_by_get(read_api: Api) -> None:
    query = "query Q($slug: String!) { city(slug: $slug) { name } }"
    given = {"query": query, "variables": json.dumps({"slug": "bonn"}), "operationName": "Q"}
    response = await read_api.client.get("/graphql", params=given)
    assert response.json() == {"data": {"city": {"name": "Bonn"}}}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'"a string"', "BAD_REQUEST"),
        (b"[]", "BAD_REQUEST"),
        (b"null", "BAD_REQUEST"),
        (b"\xff\xfe", "BAD_REQUEST"),
        (b'{"query": "{ ranking', "BAD_REQUEST"),
        (b"", "BAD_REQUEST"),
        (b"[" * 100_000, "BAD_REQUEST"),
        (b'{"query": "{__typename}", "variables": {"a": ' + b"[" * 300 + b"]" * 300 + b"}}", "BAD_REQUEST"),
        (b'{"query": "{__typename}"} {}', "BAD_REQUEST"),
        (b'{"query": "\\ud800"}', "BAD_REQUEST"),
        (b'[{"query": "{__typename}"}]', "BAD_REQUEST"),
        (b'{"query": null}', "BAD_REQUEST"),
        (b'{"query": ["{__typename}"]}', "BAD_REQUEST"),
        (b'{"query": 5}', "BAD_REQUEST"),
        (b'{"query": ""}', "BAD_REQUEST"),
        (b'{"query": "{__typename}", "variables": []}', "BAD_REQUEST"),
        (b'{"query": "{__typename}", "variables": {"a": 1e999}}', "BAD_REQUEST"),
        (b'{"query": "{__typename}", "operationName": 1}', "BAD_REQUEST"),
        (b'{"query": "{__typename}", "extensions": 1}', "BAD_REQUEST"),
        (b'{"query": "query A{__typename} query B{__typename}"}', "GRAPHQL_VALIDATION_FAILED"),
        (b'{"query": "query A{__typename}", "operationName": "B"}', "GRAPHQL_VALIDATION_FAILED"),
        (b'{"query": "{ nothing }"}', "GRAPHQL_VALIDATION_FAILED"),
        (b'{"query": "{"}', "GRAPHQL_PARSE_FAILED"),
        (b'{"query": "query($x: Int!) { edition(year: $x) { year } }"}', "GRAPHQL_VALIDATION_FAILED"),
    ],
)
async def test_a_bad_body_is_400_and_nothing_is_executed(body: bytes, code: str, read_api: Api) -> None:
    headers = {"Content-Type": "application/json", "Accept": GRAPHQL_JSON}
    response = await read_api.client.post("/graphql", content=body, headers=headers)
    assert (response.status_code, media_type(response)) == (400, GRAPHQL_JSON)
    assert "data" not in response.json()
    assert response.json()["errors"][0]["extensions"]["code"] == code


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "query is missing or not a string"),
        ({"query": "{ __typename }", "variables": "[1"}, "variables is not JSON"),
        ({"query": "{ __typename }", "variables": "[1]"}, "variables is not an object"),
        ({"query": "{ __typename }", "variables": '"x"'}, "variables is not an object"),
        ({"query": "{ __typename }", "variables": '{"a": ' + "[" * 300 + "]" * 300 + "}"}, "nested too deeply"),
    ],
)
async def test_a_bad_query_string_is_400(params: dict[str, str], message: str, read_api: Api) -> None:
    response = await read_api.client.get("/graphql", params=params)
    [error] = response.json()["errors"]
    assert (response.status_code, error["extensions"]["code"]) == (400, "BAD_REQUEST")
    assert message in error["message"]


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200),
        ("Application/JSON; charset=UTF-8", 200),
        ('application/json; charset="utf8"', 200),
        ("application/json; charset=utf-16", 415),
        ("application/json; charset=latin-1", 415),
        ("application/graphql", 415),
        ("multipart/form-data; boundary=x", 415),
        ("text/plain", 415),
        ("", 415),
    ],
)
async def test_the_body_is_json_in_utf_8(content_type: str, status: int, read_api: Api) -> None:
    content = json.dumps(QUERY).encode()
    response = await read_api.client.post("/graphql", content=content, headers={"Content-Type": content_type})
    assert response.status_code == status


METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"}


@pytest.mark.parametrize("path", ["/graphql", "/", "/healthz", "/readyz", "/metrics", "/export/2025.csv"])
async def test_the_methods_that_are_allowed_are_those_that_are_answered(path: str, read_api: Api) -> None:
    responses = {method: await read_api.client.request(method, path, params=QUERY) for method in METHODS}
    refused = {
        method: response.headers["allow"] for method, response in responses.items() if response.status_code == 405
    }
    allowed = responses["OPTIONS"].headers["allow"]
    assert (responses["OPTIONS"].status_code, responses["OPTIONS"].content) == (204, b"")
    assert set(allowed.split(", ")) == METHODS - refused.keys()
    assert set(refused.values()) == {allowed}


@pytest.mark.parametrize(
    ("role", "count", "expected"),
    [
        (None, 4, (400, "BAD_REQUEST")),
        (None, 5, (413, "TOO_LARGE")),
        (Role.ADMIN, 64, (400, "BAD_REQUEST")),
        (Role.ADMIN, 65, (413, "TOO_LARGE")),
    ],
)
async def test_a_body_that_grows_over_the_limit_is_413(
    role: Role | None, count: int, expected: tuple[int, str], read_api: Api
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(count):
            yield b" " * 65_536

    headers = {"Content-Type": "application/json"}
    if role is not None:
        headers["Authorization"] = f"Bearer {read_api.token(role)}"
    response = await read_api.client.post("/graphql", content=pieces(), headers=headers)
    assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == expected


@pytest.mark.parametrize("accept", [JSON, "*/*"])
@pytest.mark.parametrize(
    "query",
    ["{ nothing }", "query A{__typename} query B{__typename}", "query($x: Int!) { edition(year: $x) { year } }"],
)
async def test_older_clients_read_errors_with_200(query: str, accept: str, read_api: Api) -> None:
    response = await read_api.client.post("/graphql", json={"query": query}, headers={"Accept": accept})
    assert (response.status_code, media_type(response)) == (200, JSON)
    assert response.json()["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


@pytest.mark.parametrize("query", ["{", "{ nothing }", "subscription { nothing }", "query A{a} query B{b}"])
async def test_who_takes_only_streams_reads_errors_from_one(query: str, read_api: Api) -> None:
    headers = {"Accept": "text/event-stream"}
    response = await read_api.client.post("/graphql", json={"query": query}, headers=headers)
    assert (response.status_code, media_type(response)) == (200, "text/event-stream")
    event, complete, rest = response.text.split("\n\n")
    assert (complete, rest) == ("event: complete\ndata:", "")
    [error] = json.loads(event.removeprefix("event: next\ndata: "))["errors"]
    assert error["extensions"]["code"] in ("GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED")


@pytest.mark.parametrize("accept", ["*/*", JSON, URQL, "text/event-stream"])
async def test_a_refusal_says_that_graphql_has_answered(accept: str, read_api: Api) -> None:
    headers = {"Content-Type": "application/json", "Accept": accept}
    response = await read_api.client.post("/graphql", content=b"[]", headers=headers)
    assert (response.status_code, media_type(response)) == (400, GRAPHQL_JSON)
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


@pytest.mark.parametrize("quality", ["x", "nan", "inf", "-1", "1.5", "", "1e-1"])
async def test_a_quality_is_0_to_1(quality: str, read_api: Api) -> None:
    response = await read_api.client.post("/graphql", json=QUERY, headers={"Accept": f"application/json;q={quality}"})
    [error] = response.json()["errors"]
    assert (response.status_code, error["extensions"]["code"]) == (400, "BAD_REQUEST")
    assert error["message"] == f"Accept has the quality {quality!r}, which is not 0 to 1"


@pytest.mark.parametrize(
    ("request_", "status", "header"),
    [
        ({"method": "DELETE"}, 405, ("allow", "GET, OPTIONS, POST")),
        ({"method": "GET", "params": {"query": "mutation { __typename }"}}, 405, ("allow", "POST")),
        ({"method": "POST", "json": QUERY, "headers": {"Accept": "text/html"}}, 406, None),
        ({"method": "POST", "content": b"query=1"}, 415, ("accept-post", "application/json")),
        (
            {
                "method": "POST",
                "content": b" " * (4 * 1024 * 1024 + 1),
                "headers": {"Content-Type": "application/json"},
            },
            413,
            None,
        ),
        (
            {"method": "POST", "json": QUERY, "headers": {"Authorization": "Bearer nonsense"}},
            401,
            ("www-authenticate", "Bearer"),
        ),
        ({"method": "POST", "json": QUERY, "headers": {"Authorization": "Basic eDp5"}}, 401, None),
    ],
)
async def test_other_bad_requests(
    request_: dict[str, Any], status: int, header: tuple[str, str] | None, read_api: Api
) -> None:
    response = await read_api.client.request(url="/graphql", **request_)
    assert response.status_code == status
    assert response.json()["errors"][0]["message"]
    if header is not None:
        assert response.headers[header[0]] == header[1]


async def test_the_trace_id_is_taken_and_given_back(read_api: Api) -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    headers = {"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"}
    assert (await read_api.client.get("/healthz", headers=headers)).headers["x-trace-id"] == trace_id
    made = (await read_api.client.get("/healthz", headers={"traceparent": "nonsense"})).headers["x-trace-id"]
    assert len(made) == 32
    assert made != trace_id


async def test_a_bug_of_ours_is_masked_and_names_its_trace(api: Api) -> None:
    await api.service.pool.execute("drop table score cascade")
    query = """{ simulateRanking(input: {edition: 2025, scores: [{city: "bonn", measure: "payment", value: 1}]}) {
      errors { code } } }"""
    response = await api.client.post("/graphql", json={"query": query})
    [error] = response.json()["errors"]
    assert error["message"] == f"Internal error; its trace id is {response.headers['x-trace-id']}"
    assert error["extensions"] == {"code": "INTERNAL"}
    assert "score" not in response.text.replace('"path"', "")


async def test_a_bug_outside_of_graphql_names_its_trace_too(api: Api) -> None:
    await api.service.pool.execute("drop table ranking_column cascade")
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    response = await api.client.get("/export/2025.csv", headers={"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"})
    assert (response.status_code, response.headers["x-trace-id"]) == (500, trace_id)
    [error] = response.json()["errors"]
    assert error == {"message": f"Internal error; its trace id is {trace_id}", "extensions": {"code": "INTERNAL"}}


async def test_health_and_metrics(read_api: Api) -> None:
    health = [await read_api.client.get(path) for path in ("/healthz", "/readyz")]
    assert [answer.status_code for answer in health] == [200, 200]
    assert health[0].text == f"healthy, version {VERSION}\n"
    assert health[1].text.splitlines()[0] == "ready"
    metrics = (await read_api.client.get("/metrics")).text
    assert 'sci_ranked_revision{edition="2025"} 1.0' in metrics
    assert f'sci_build_info{{version="{VERSION}"}} 1.0' in metrics
    assert 'sci_http_requests_total{route="/readyz",status="200"}' in metrics
    assert (await read_api.client.get("/nothing")).status_code == 404
    assert 'route="/nothing"' not in (await read_api.client.get("/metrics")).text
