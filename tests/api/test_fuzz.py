"""Any operation that the schema allows: answered, or refused with a code; a query changes nothing."""

from typing import Any

import hypothesis_graphql
from hypothesis import given, settings

from db.pool import Pool
from tests.api.drawn import SCALARS, SDL, SLOW, realistic
from tests.conftest import Api

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
  (select count(*) from outbox) as requests, (select count(*) from city) as cities,
  (select count(*) from review_change) as reviews, (select count(decided_at) from proposal) as decided"""


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
