"""Whatever ends an execution early, no coroutine of it is left that nobody awaits."""

import asyncio
import gc
import hashlib
import warnings
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import structlog
from graphql import ExecutionResult, get_operation_ast, parse

from api.operation.context import Context
from api.operation.execution import Execution, Unfinished
from api.operation.request import GraphQLRequest
from api.planning.executor import PlanningExecutor
from api.planning.plan import Plan
from api.planning.plan_cache import Plans
from api.schema.build import create_schema
from tests.conftest import Api

SCHEMA = create_schema()._schema
WAITING = """a: city(slug: "krefeld") { categories { indicators { rank } } history { city { categories { rank } } } }
  ranking(edition: 2024) { changes(since: 0) { newRank } uncertainty { id } edition { revision } }
  cities(first: 20) { nodes { categories { score } result(edition: 2024) { rank } } }"""
QUERIES = {
    "values that wait": f"{{ {WAITING} }}",
    "an error among them": f"{{ {WAITING} b: cities {{ nodes {{ categories {{ rank }} audit {{ totalCount }} }} }} }}",
    "an error after them": f"{{ {WAITING} c: cities(first: 0) {{ totalCount }} }}",
    "an error beside them": "{ ranking { a: changes(since: 0) { newRank } b: changes(since: 9) { newRank } } }",
}
STEPS = 12


@pytest.fixture
def awaited() -> Iterator[None]:
    """Every coroutine is awaited or closed."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
        gc.collect()
    assert [str(each.message) for each in caught] == []


def begun(api: Api, query: str) -> "ExecutionResult | Unfinished":
    context = Context(api.service.pool, api.service.live, api.service.tokens, "")
    asked = GraphQLRequest(query, {}, None)
    execution: Execution = api.service.http.execution
    return execution.begin(execution._documents.operation(asked), asked, context)


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
async def test_an_execution_that_ends(query: str, read_api: Api, awaited: None) -> None:
    for _ in range(2):
        result = begun(read_api, query)
        if isinstance(result, Unfinished):
            result = await result.finish()
        assert bool(result.errors) == (query != QUERIES["values that wait"])


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
async def test_an_execution_that_is_cancelled_at_any_step(query: str, read_api: Api, awaited: None) -> None:
    for steps in range(STEPS):
        result = begun(read_api, query)
        if isinstance(result, Unfinished):
            finishing = asyncio.ensure_future(result.finish())
            await asyncio.sleep(0)
            for _ in range(steps):
                await asyncio.sleep(0)
            finishing.cancel()
            with suppress(asyncio.CancelledError):
                await finishing


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
async def test_an_execution_that_nobody_waits_for(query: str, read_api: Api, awaited: None) -> None:
    result = begun(read_api, query)
    if isinstance(result, Unfinished):
        result.close()


async def test_clients_that_go_away_at_any_step(read_api: Api, awaited: None) -> None:
    for number in range(STEPS):
        query = f"{{ {WAITING} }} # {number // 3}"
        asking = [asyncio.ensure_future(read_api.post(query)) for _ in range(3)]
        await asyncio.sleep(0.002 * number)
        for each in asking[: number % 4]:
            each.cancel()
        await asyncio.gather(*asking, return_exceptions=True)


async def test_a_bug_in_a_plan_is_logged_with_its_document_and_counted(
    read_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = "{ ranking { cityCount } }"
    document, counted = parse(query), 0
    operation = get_operation_ast(document, None)
    assert operation is not None

    def count() -> None:
        nonlocal counted
        counted += 1

    def broken(*_: Any) -> Any:
        raise KeyError("a bug")

    def execute(plans: Plans) -> Any:
        context = Context(read_api.service.pool, read_api.service.live, read_api.service.tokens, "")
        return PlanningExecutor.prepare(SCHEMA, document, operation).start(plans, context, {}).execute_operation()

    await read_api.data(query)
    with structlog.testing.capture_logs() as logs:
        assert execute(Plans(count)).data["ranking"]
        assert (logs, counted) == ([], 0)
        monkeypatch.setattr(Plan, "run", broken)
        assert execute(Plans(count)).data["ranking"]
    [line] = logs
    assert line["document_id"] == hashlib.sha256(query.encode()).hexdigest()
    assert counted == 1
