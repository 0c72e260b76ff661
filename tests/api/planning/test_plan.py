"""Plans answer as plain execution does, whatever is asked."""

import gc
from collections.abc import Awaitable
from inspect import isawaitable
from typing import Any
from weakref import ref

import hypothesis_graphql
import orjson
import pytest
from graphql import ExecutionResult, get_operation_ast, parse, validate
from hypothesis import given, settings

from api.operation.context import Context
from api.planning.executor import PlanningExecutor, VariablesError
from api.planning.plan_cache import Plans
from api.schema.build import create_schema
from api.state.snapshot import Snapshot
from db.settings import Settings
from tests.api.drawn import SCALARS, SDL, SLOW, realistic
from tests.api.operation.test_limits import EVERYTHING
from tests.conftest import Api, running_api

SCHEMA = create_schema()._schema
PLANNED = ["ranking", "city", "cities", "editions", "categories", "simulateRanking", "node"]

RESULT = """
fragment Result on CategoryResult { __typename category { name(language: EN) } previousScore estimatedShare status
  nextBetter { rank city { slug } } indicators { indicator { id } contribution parameters { value source } } }"""
QUERIES: list[tuple[str, dict[str, Any]]] = [
    (EVERYTHING, {}),
    ("""query($city: String!, $skip: Boolean!) { city(slug: $city) { id history { rank
        categories { ...Result score @skip(if: $skip) } } } }""" + RESULT, {"city": "krefeld", "skip": True}),
    ("""query($city: String!, $skip: Boolean!) { city(slug: $city) { id history { rank
        categories { ...Result score @skip(if: $skip) } } } }""" + RESULT, {"city": "bonn", "skip": False}),
    ("""{ ranking { a: entries(last: 3, orderBy: NAME_ASC, filter: {states: ["Hessen"]}) { edges { cursor node {
        __typename two: rank ... on Node { id } category(code: "none") { rank }
        mobility: category(code: "mobility") { ...Result } } } } } }""" + RESULT, {}),
    ("{ ranking { topTen { hiddenChampionIn { code } } category(code: \"mobility\") { results(first: 0) { rank } } } }",
     {}),
    ("{ ranking { entries { nodes { rank categories { indicators { provenance { recordedBy } } } } } } }", {}),
    ("{ ranking { peers(states: [\"Hessen\"]) { entries { rank entry { score } categories { rank } } } } }", {}),
]  # fmt: skip

SIMULATE = """{ simulateRanking(input: {edition: 2025, scores: [{city: "krefeld", measure: "payment", value: 1}]}) {
  entries(first: 1) { categories { category { code } indicators { rank } } } } }"""


def strict_plans() -> Plans:
    """Plans of which none may fail by a bug: plain execution would hide it."""

    def fail() -> None:
        raise AssertionError("a plan failed by a bug")

    return Plans(fail)


async def executed(api: Api, document: Any, variables: dict[str, Any], plans: Plans | None) -> dict[str, Any]:
    """The result of an operation, executed with plans or plainly."""
    context = Context(api.service.pool, api.service.live, api.service.tokens, "")
    context.pin()
    operation = get_operation_ast(document, None)
    assert operation is not None
    try:
        prepared = PlanningExecutor.prepare(SCHEMA, document, operation)
        executor = prepared.start(plans or strict_plans(), context, variables, is_planning=plans is not None)
    except VariablesError as error:
        return {"errors": [each.formatted for each in error.errors]}
    result = executor.execute_operation()
    if isawaitable(result):
        awaitable: Awaitable[Any] = result
        result = await awaitable
    assert isinstance(result, ExecutionResult)
    answer: dict[str, Any] = orjson.loads(orjson.dumps(result.formatted))
    return answer


@pytest.mark.parametrize(("query", "variables"), QUERIES)
async def test_queries_by_hand(query: str, variables: dict[str, Any], read_api: Api) -> None:
    document, plans = parse(query), strict_plans()
    assert not validate(SCHEMA, document)
    plainly = await executed(read_api, document, variables, None)
    assert ("errors" in plainly) == ("first: 0" in query or "recordedBy" in query)
    for _ in range(2):
        assert await executed(read_api, document, variables, plans) == plainly


@settings(max_examples=300, deadline=None, suppress_health_check=SLOW)
@given(query=hypothesis_graphql.queries(SDL, fields=PLANNED, custom_scalars=SCALARS, print_ast=realistic))
async def test_queries_by_hypothesis(query: str, read_api: Api) -> None:
    document, plans = parse(query), strict_plans()
    plainly = await executed(read_api, document, {}, None)
    for _ in range(2):
        assert await executed(read_api, document, {}, plans) == plainly


async def test_variables_have_plans_of_their_own(read_api: Api) -> None:
    document, plans = parse(QUERIES[1][0]), strict_plans()
    for city, skip in (("krefeld", True), ("bonn", False), ("krefeld", False)):
        variables = {"city": city, "skip": skip}
        plainly = await executed(read_api, document, variables, None)
        assert await executed(read_api, document, variables, plans) == plainly


async def test_plans_hold_no_snapshot(read_api: Api) -> None:
    document, plans = parse(SIMULATE), strict_plans()
    await executed(read_api, document, {}, plans)
    before = snapshots()
    for _ in range(3):
        answer = await executed(read_api, document, {}, plans)
        assert len(answer["data"]["simulateRanking"]["entries"][0]["categories"]) == 5
    assert snapshots() == before


async def test_a_snapshot_that_is_dropped_is_gone_at_once(settings: Settings) -> None:
    query = "{ ranking(edition: %d) { entries { nodes { categories { category { code } rank } } } } }"
    async with running_api(settings.model_copy(update={"snapshot_cache_size": 1})) as api:
        # Once to load it, plainly, and once by a plan.
        for alias in ("a", "b"):
            await api.data((query % 2025).replace("ranking", f"{alias}: ranking", 1))
        held = api.service.live.snapshots.held((2025, 1))
        assert held is not None
        assert held.overall.derived
        dropped = ref(held)
        del held
        gc.disable()
        try:
            await api.data(query % 2024)
            assert dropped() is None
        finally:
            gc.enable()


def snapshots() -> int:
    """How many are in memory."""
    gc.collect()
    return sum(isinstance(each, Snapshot) for each in gc.get_objects())


async def test_the_whole_nested_ranking_makes_no_call_a_field(read_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0
    execute_field = PlanningExecutor.execute_field

    def counted(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        return execute_field(*arguments)

    monkeypatch.setattr(PlanningExecutor, "execute_field", counted)
    answer = await executed(read_api, parse(EVERYTHING), {}, strict_plans())
    assert len(answer["data"]["ranking"]["entries"]["nodes"]) == 83
    assert calls == 0, "all of it is one plan"
