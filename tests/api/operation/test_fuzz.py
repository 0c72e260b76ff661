"""Thousands of drawn operations against the running server: whatever is sent, the answer is an orderly one."""

import json
from collections.abc import AsyncIterator
from typing import Any

import hypothesis_graphql
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.access.token import Role
from db.postgres.pool import Pool
from db.settings import Settings
from tests.api.drawn import SCALARS, SDL, SLOW, realistic
from tests.conftest import Api, running_api

EXPECTED = {
    "BAD_REQUEST",
    "BAD_USER_INPUT",
    "FORBIDDEN",
    "GRAPHQL_PARSE_FAILED",
    "GRAPHQL_VALIDATION_FAILED",
    "LIMIT_EXCEEDED",
    "UNAUTHENTICATED",
}
TOKENS = [None, Role.READER, Role.EDITOR, Role.ADMIN]
TABLES = "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace order by 1"


@pytest.fixture
async def hurried(settings: Settings) -> AsyncIterator[Api]:
    """A server that gives an answer up soon."""
    async with running_api(settings.model_copy(update={"request_timeout_seconds": 2})) as api:
        yield api


async def contents(pool: Pool) -> dict[str, str]:
    """A digest of each table."""
    tables = [row["relname"] for row in await pool.fetch(TABLES)]
    digest = "select coalesce(md5(string_agg(t::text, ',' order by t::text)), '') from {} t"
    return {table: await pool.fetchval(digest.format(table)) for table in tables}


@pytest.fixture
async def unchanged(pool: Pool) -> AsyncIterator[None]:
    """Whatever the test sends, it changes nothing."""
    before = await contents(pool)
    yield
    assert await contents(pool) == before


async def sent(api: Api, body: Any, role: Role | None) -> Any:
    """The answer to a body, which must be an orderly one: no failure of ours, a code for every error."""
    headers = {"Content-Type": "application/json", "Accept": "application/graphql-response+json"}
    if role is not None:
        headers["Authorization"] = f"Bearer {api.token(role, 'krefeld' if role is Role.EDITOR else ())}"
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = await api.client.post("/graphql", content=content, headers=headers)
    assert response.status_code in (200, 400), (response.status_code, body, response.text)
    answer = response.json()
    for error in answer.get("errors", ()):
        assert error["extensions"]["code"] in EXPECTED, (error, body)
    assert "errors" in answer or answer["data"] is not None
    return answer


MUTATIONS = hypothesis_graphql.mutations(SDL, custom_scalars=SCALARS, print_ast=realistic)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
VARIABLES = st.dictionaries(st.sampled_from(["city", "year", "first", "input", "other"]), JSON, max_size=4)
DECLARED = """query($city: String!, $year: Int, $first: Int, $input: SimulateRankingInput!) {
  city(slug: $city) { result(edition: $year) { rank } } cities(first: $first) { totalCount }
  simulateRanking(input: $input) { ranking { cityCount } } }"""


@settings(max_examples=1_000, deadline=None, suppress_health_check=SLOW)
@given(query=hypothesis_graphql.queries(SDL, custom_scalars=SCALARS, print_ast=realistic), role=st.sampled_from(TOKENS))
async def test_queries(query: str, role: Role | None, hurried: Api, unchanged: None) -> None:
    await sent(hurried, {"query": query}, role)


@settings(max_examples=300, deadline=None, suppress_health_check=SLOW)
@given(mutation=MUTATIONS, role=st.sampled_from([None, Role.READER]))
async def test_mutations_of_readers(mutation: str, role: Role | None, hurried: Api, unchanged: None) -> None:
    assert (await sent(hurried, {"query": mutation}, role))["errors"]


@settings(max_examples=300, deadline=None, suppress_health_check=SLOW)
@given(mutation=MUTATIONS, role=st.sampled_from([Role.EDITOR, Role.ADMIN]))
async def test_mutations_of_writers(mutation: str, role: Role | None, hurried: Api) -> None:
    await sent(hurried, {"query": mutation}, role)


@settings(max_examples=500, deadline=None, suppress_health_check=SLOW)
@given(variables=VARIABLES)
async def test_variables(variables: dict[str, Any], read_api: Api) -> None:
    await sent(read_api, {"query": DECLARED, "variables": variables}, None)


@settings(max_examples=500, deadline=None, suppress_health_check=SLOW)
@given(body=st.binary(max_size=200) | JSON | st.fixed_dictionaries({"query": st.text(max_size=50) | JSON}))
async def test_bodies(body: Any, read_api: Api) -> None:
    await sent(read_api, body, None)
