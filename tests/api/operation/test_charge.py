"""What is charged beside the cost of an operation: new documents, values in variables, events, other revisions."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from api.access.rate_limit import REQUEST_COST
from api.access.token import ANONYMOUS
from api.error import RequestError
from api.operation import limits
from api.operation.context import Context
from api.operation.request import GraphQLRequest
from db.settings import Settings
from tests.api.access.test_rate_limit import forget
from tests.conftest import Api, running_api, watching

ADDRESS = "192.0.2.1"
QUERY = '{ city(slug: "krefeld") { name%d: name } }'
TOKENS = 13


@pytest.fixture
async def limited(settings: Settings) -> AsyncIterator[Api]:
    async with running_api(settings.model_copy(update={"rate_limit": "100000 per 60 seconds"})) as api:
        await forget(api.service._redis)
        yield api


def context(api: Api) -> Context:
    return Context(api.service.pool, api.service.live, api.service.tokens, ADDRESS)


async def left(api: Api) -> int:
    """What is left of the client's budget."""
    budgets = api.service.http.execution._rate_limiter._budgets
    assert budgets is not None
    budget = await budgets.charge(f"address:{ADDRESS}", 0, is_write=True)
    assert budget is not None
    return budget.remaining


async def charged(api: Api, query: str, variables: dict[str, Any] | None = None) -> int:
    """What the client pays beside the cost of every request."""
    before = await left(api)
    await api.service.http.execution.admit(GraphQLRequest(query, variables, None), context(api))
    return before - await left(api) - REQUEST_COST


async def test_a_new_document_is_paid_once(limited: Api) -> None:
    new = 2 + TOKENS * limits.TOKEN_COST
    assert [await charged(limited, QUERY % number) for number in (1, 1, 2)] == [new, 2, new]


async def test_values_in_variables_are_paid(limited: Api) -> None:
    query = "query($s: [String!]) { cities(filter: {states: $s}) { totalCount } }"
    _, few, many = [await charged(limited, query, {"s": ["Hessen"] * count}) for count in (1, 1, 101)]
    assert many - few == 100 * limits.VALUE_COST


async def test_an_event_is_paid_by_the_first_who_gets_it(limited: Api) -> None:
    execution = limited.service.http.execution

    async def first_event(number: int) -> int:
        follow = GraphQLRequest(
            f"subscription {{ rankingRecomputed {{ ranking {{ entries {{ nodes {{ r{number}: rank }} }} }} }} }}",
            None,
            None,
        )
        own = context(limited)
        operation = await execution.admit(follow, own)
        before = await left(limited)
        async with aclosing(execution.stream(operation, follow, own)) as events:
            assert b'"entries"' in await anext(events)
        return before - await left(limited) - operation.cost

    assert await first_event(1) == REQUEST_COST
    assert await first_event(1) < 0, "another has paid"
    assert await first_event(2) == REQUEST_COST


async def test_unknown_revisions_are_looked_up_together(read_api: Api) -> None:
    fields = " ".join(f"r{number}: ranking(revision: {number}) {{ revision }}" for number in range(100, 119))
    async with watching(read_api) as statements:
        answer = await read_api.data(f"{{ {fields} known: ranking {{ revision }} }}")
    assert [value for value in answer.values() if value is not None] == [{"revision": 1}]
    assert statements.containing("min(r.revision)") == 1
    cost = read_api.service.http.execution._documents.operation(GraphQLRequest(f"{{ {fields} }}", None, None)).cost
    assert cost > 19 * limits.ARGUMENT_COST["revision"]


async def test_a_subscriber_whose_budget_is_used_up_waits_and_keeps_nobody_waiting(settings: Settings) -> None:
    follow = GraphQLRequest("subscription { rankingRecomputed { ranking { entries { totalCount } } } }", None, None)
    async with running_api(settings.model_copy(update={"rate_limit": "2000 per 2 seconds"})) as api:
        await forget(api.service._redis)
        execution = api.service.http.execution
        poor, rich = context(api), Context(api.service.pool, api.service.live, api.service.tokens, "192.0.2.2")
        poor_stream, rich_stream = [
            execution.stream(await execution.admit(follow, each), follow, each) for each in (poor, rich)
        ]
        with pytest.raises(RequestError, match="budget"):
            for _ in range(20):
                await execution._rate_limiter.charge(ANONYMOUS, ADDRESS, 400)
        async with aclosing(poor_stream), aclosing(rich_stream):
            waiting = asyncio.create_task(anext(poor_stream))
            await asyncio.sleep(0)
            async with asyncio.timeout(1):
                event = await anext(rich_stream)
            assert not waiting.done()
            async with asyncio.timeout(4):
                assert await waiting == event
