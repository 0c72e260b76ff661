"""The answer to an event is worked out once for all subscribers of a document, whatever they have seen."""

from contextlib import AsyncExitStack
from typing import Any

import pytest

from api.operation.event_cache import Renders
from api.operation.request import GraphQLRequest
from api.planning.executor import PlanningExecutor
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


async def test_an_answer_that_says_more_than_the_snapshot_is_shared_for_a_moment_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    renders, calls = Renders(), 0

    async def render() -> tuple[bytes, bool]:
        nonlocal calls
        calls += 1
        return str(calls).encode(), False

    assert [await renders.get("key", 1, render) for _ in range(3)] == [b"1"] * 3
    monkeypatch.setattr("api.operation.event_cache.SHARED_SECONDS", 0)
    assert await renders.get("key", 1, render) == b"2"


async def test_a_failed_answer_is_tried_again_and_pure_ones_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    renders, calls = Renders(), 0

    async def render() -> tuple[bytes, bool]:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise OSError("postgres is away")
        return str(calls).encode(), True

    with pytest.raises(OSError, match="away"):
        await renders.get("key", 1, render)
    monkeypatch.setattr("api.operation.event_cache.SHARED_SECONDS", 0)
    assert [await renders.get("key", 1, render) for _ in range(3)] == [b"2"] * 3
    assert await renders.get("key", 2, render) == b"3"
