"""Who gets the answer of another: subscribers of one document do, unless it is right for one of them alone."""

from contextlib import AsyncExitStack
from typing import Any

import pytest
from graphql import ExecutionResult, GraphQLError, get_operation_ast, parse

from api.access.token import ANONYMOUS
from api.operation.answer_cache import Sharing
from api.operation.context import Context
from api.operation.request import GraphQLRequest
from api.operation.sharing import may_share
from api.planning.batch import Columns, Rows, Table
from api.planning.completion import Exact
from api.planning.executor import PlanningExecutor
from api.planning.plan_cache import Plans
from api.planning.step import SameForRows
from api.schema.type.entry import RankingEntry
from tests.api.websocket.test_subscription import FOLLOW, SUBMIT, connected
from tests.conftest import Api, Recompute

UNUSED = "subscription($since: Int) { rankingRecomputed(edition: 2025, since: $since) { ranking { revision } } }"
USED_TWICE = """subscription($since: Int) { rankingRecomputed(edition: 2025, since: $since) {
  ranking { changes(since: $since) { newRank } } } }"""


async def test_subscribers_of_one_document_share_an_answer(
    api: Api, recompute: Recompute, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered: list[Any] = []
    build = PlanningExecutor.build_per_event_executor

    def counted(executor: PlanningExecutor, event: Any) -> Any:
        rendered.append(event.snapshot.key)
        return build(executor, event)

    monkeypatch.setattr(PlanningExecutor, "build_per_event_executor", counted)
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(connected(api)) for _ in range(30)]
        for number, socket in enumerate(sockets):
            await socket.subscribe(FOLLOW, edition=2025, since=number % 2)
            if number % 2 == 0:
                await socket.event()
        await api.data(SUBMIT, {"value": 5}, token=api.token())
        await recompute()
        await api.service.live.refresh()
        events = [await socket.event() for socket in sockets]
    assert events == [events[0]] * 30
    assert events[0]["ranking"]["revision"] == 2
    assert rendered.count((2025, 2)) == 1


@pytest.mark.parametrize(("document", "expected"), [(UNUSED, "since"), (USED_TWICE, None), ("{ __typename }", None)])
def test_what_was_seen_matters_only_when_it_is_asked_for_again(
    document: str, expected: str | None, read_api: Api
) -> None:
    asked = GraphQLRequest(document, {}, None)
    assert read_api.service.http.execution._documents.operation(asked).since_variable == expected


async def test_an_event_with_errors_is_worked_out_for_each(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The audit is for admins: a reader's error must not be another's answer, nor be kept."""
    document = "subscription { rankingRecomputed { ranking { entries { nodes { city { audit { totalCount } } } } } } }"
    async with connected(api) as one, connected(api) as two:
        for socket in (one, two):
            await socket.subscribe(document)
            message = await socket.receive()
            assert message["payload"]["errors"], message
    assert len(api.service.http.execution.memory.stores["events"]) == 0


async def test_what_names_the_viewer_is_for_nobody_else(read_api: Api) -> None:
    context = Context(read_api.service.pool, read_api.service.live, read_api.service.tokens, "")
    result = ExecutionResult({}, None)
    assert may_share(result, context) is Sharing.ALWAYS
    assert context.renewed().viewer is ANONYMOUS
    assert may_share(result, context, is_event=True) is Sharing.ALWAYS
    assert context.loaders is not None
    assert may_share(result, context) is Sharing.NEVER
    assert may_share(result, context, is_event=True) is Sharing.NOW
    assert may_share(ExecutionResult({}, [GraphQLError("wrong")]), context.renewed()) is Sharing.NEVER
    context = context.renewed()
    assert context.viewer is ANONYMOUS
    assert may_share(result, context, is_event=True) is Sharing.NEVER
    context = context.renewed()
    context.reports_cost = True
    context.report_cost(1, 2)
    assert may_share(result, context, is_event=True) is Sharing.NEVER


@pytest.mark.parametrize("what", ["viewer", "pool", "loaders", "live"])
async def test_what_plans_keep_cannot_depend_on_who_asks(what: str, read_api: Api) -> None:
    await read_api.data("{ ranking { revision } }")
    snapshot = read_api.service.live.snapshots.held((2025, 1))
    assert snapshot is not None
    context = Context(read_api.service.pool, read_api.service.live, read_api.service.tokens, "")
    document = parse("{ __typename }")
    operation = get_operation_ast(document, None)
    assert operation is not None
    schema = read_api.service.http.execution._schema
    runner = PlanningExecutor.prepare(schema, document, operation).start(Plans(), context, {})
    step = SameForRows(Exact(False), lambda runner, _: [getattr(runner.context_value, what)], gives_views=False)
    batch = Table(Columns([RankingEntry(snapshot=snapshot, place=0)], {}), Rows([0]))
    with pytest.raises(
        RuntimeError, match=f"same answer for everyone asks for the .*{'catalogue' if what == 'live' else what}"
    ):
        step.values(runner, batch)
    assert getattr(context, what) is not None, "afterwards it is there"
