"""Answers are kept as long as they are true, and never longer."""

import asyncio
from typing import Any

import httpx2
import pytest

from api.operation import answer_cache
from api.operation.answer_cache import Answer, AnswerCache, Sharing
from api.operation.memory import MIB, Memory
from db.index import edition
from tests.conftest import Api, Recompute

KREFELD = '{ ranking { revision entry(city: "krefeld") { score } } }'
SUBMIT = """mutation { submitScores(input: {edition: 2025, scores: [{city: "krefeld", measure: "payment", value: 0}]}) {
  submission { revision } errors { message } } }"""


def cache(megabytes: float = 1) -> AnswerCache:
    return AnswerCache(Memory(megabytes), "answers")


async def test_a_burst_of_identical_misses_computes_once() -> None:
    answers, calls = cache(), 0
    go = asyncio.Event()

    async def execute() -> Answer:
        nonlocal calls
        calls += 1
        await go.wait()
        return Answer(b"body", Sharing.ALWAYS)

    burst = [asyncio.create_task(answers.compute("key", execute)) for _ in range(50)]
    await asyncio.sleep(0)
    go.set()
    assert [answer.body for answer in await asyncio.gather(*burst)] == [b"body"] * 50
    assert calls == 1
    assert answers.get("key") == Answer(b"body", Sharing.ALWAYS)


async def test_an_impure_answer_is_neither_shared_nor_kept() -> None:
    answers, calls = cache(), 0

    async def execute() -> Answer:
        nonlocal calls
        calls += 1
        number = calls
        await asyncio.sleep(0)
        return Answer(str(number).encode(), Sharing.NEVER)

    burst = await asyncio.gather(*(answers.compute("key", execute) for _ in range(3)))
    assert sorted(answer.body for answer in burst) == [b"1", b"2", b"3"]
    assert answers.get("key") is None


async def test_the_first_client_that_goes_away_leaves_the_answer_to_the_others() -> None:
    answers, go = cache(), asyncio.Event()

    async def execute() -> Answer:
        await go.wait()
        return Answer(b"body", Sharing.ALWAYS)

    first = asyncio.create_task(answers.compute("key", execute))
    second = asyncio.create_task(answers.compute("key", execute))
    await asyncio.sleep(0)
    first.cancel()
    go.set()
    assert (await second).body == b"body"


async def test_who_asks_after_a_cancelled_computation_gets_an_answer() -> None:
    answers, calls = cache(), 0

    async def execute() -> Answer:
        nonlocal calls
        calls += 1
        if calls == 1:
            try:
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(0.01)  # takes its time to end
        return Answer(b"body", Sharing.ALWAYS)

    leaving = asyncio.create_task(answers.compute("key", execute))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.sleep(0)
    assert (await answers.compute("key", execute)).body == b"body"
    assert calls == 2


async def test_an_answer_for_now_is_shared_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    answers, calls = cache(), 0

    async def execute() -> Answer:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0)
        return Answer(str(calls).encode(), Sharing.NOW)

    burst = await asyncio.gather(*(answers.compute("key", execute) for _ in range(3)))
    assert [answer.body for answer in burst] == [b"1"] * 3
    assert answers.get("key") == burst[0]
    monkeypatch.setattr(answer_cache, "MOMENT_SECONDS", 0)
    assert answers.get("key") is None


async def test_a_failed_computation_is_tried_again() -> None:
    answers, calls = cache(), 0

    async def execute() -> Answer:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise OSError("postgres is away")
        return Answer(str(calls).encode(), Sharing.ALWAYS)

    with pytest.raises(OSError, match="away"):
        await answers.compute("key", execute)
    assert (await answers.compute("key", execute)).body == b"2"


async def test_the_answers_used_last_stay_within_the_bound() -> None:
    answers = cache()

    async def execute() -> Answer:
        return Answer(bytes(MIB // 3), Sharing.ALWAYS)

    for key in ("a", "b", "a", "c"):
        await answers.compute(key, execute)
        answers.get("a")
    assert [key for key in "abc" if answers.get(key) is not None] == ["a", "c"]


async def test_nothing_is_kept_when_it_is_off() -> None:
    answers = AnswerCache(Memory(1), "answers", is_on=False)

    async def execute() -> Answer:
        return Answer(b"", Sharing.ALWAYS)

    await answers.compute("key", execute)
    assert answers.get("key") is None


def test_the_key_names_everything() -> None:
    assert answer_cache.key("q", {"a": 1, "b": 2}, {2025: 1}) == answer_cache.key("q", {"b": 2, "a": 1}, {2025: 1})
    assert answer_cache.key("q", {}, {2025: 1}) != answer_cache.key("q", {}, {2025: 2})


async def test_a_kept_answer_costs_304_and_ends_with_its_revision(api: Api, recompute: Recompute) -> None:
    first = await api.client.get("/graphql", params={"query": KREFELD})
    tag = first.headers["etag"]
    again = await api.client.get("/graphql", params={"query": KREFELD}, headers={"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)

    await api.data(SUBMIT, token=api.token())
    await recompute()
    await api.service.live.refresh()
    newer = await api.client.get("/graphql", params={"query": KREFELD}, headers={"If-None-Match": tag})
    assert newer.status_code == 200
    assert newer.headers["etag"] != tag
    assert newer.json()["data"]["ranking"]["revision"] == 2
    assert newer.json()["data"]["ranking"]["entry"]["score"] < first.json()["data"]["ranking"]["entry"]["score"]


async def test_what_postgres_says_is_asked_each_time(api: Api) -> None:
    query = "{ edition(year: 2025) { revision } }"
    before = await api.client.get("/graphql", params={"query": query})
    assert "etag" not in before.headers
    await api.data(SUBMIT, token=api.token())
    after = await api.client.get("/graphql", params={"query": query})
    revisions = [answer.json()["data"]["edition"]["revision"] for answer in (before, after)]
    assert revisions == [1, 2]


async def test_errors_are_not_kept(read_api: Api) -> None:
    for _ in range(2):
        answer = await read_api.client.get("/graphql", params={"query": "{ cities(first: 0) { totalCount } }"})
        assert "etag" not in answer.headers
        [error] = answer.json()["errors"]
        assert error["message"] == "first is 0: it must be 1 to 100"


NAMED = "{ ranking(edition: 2025, revision: 1) { revision inputHash entries { nodes { rank } } } }"
NAMED_WITH_CITY = '{ ranking(edition: 2025, revision: 1) { entry(city: "bonn") { city { name } } } }'
LATER = "{ ranking(edition: 2025, revision: 2) { revision } }"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (NAMED, "public, max-age=3600, must-revalidate"),
        (NAMED_WITH_CITY, "public, max-age=5, must-revalidate"),
        (KREFELD, "public, max-age=1, must-revalidate"),
        (LATER, "public, max-age=1, must-revalidate"),
        ('{ city(slug: "bonn") { result(edition: 2025) { rank } } }', "public, max-age=1, must-revalidate"),
        ("{ edition(year: 2025) { revision } }", "no-store"),
        ("{ cities(first: 0) { totalCount } }", "no-store"),
    ],
)
async def test_caches_are_told_for_how_long_an_answer_is_true(query: str, expected: str, read_api: Api) -> None:
    for _ in range(2):
        answer = await read_api.client.get("/graphql", params={"query": query})
        assert answer.headers["cache-control"] == expected
    assert "Accept" in answer.headers["vary"]
    assert "Authorization" in answer.headers["vary"]


async def test_what_is_answered_to_a_token_is_for_its_bearer(read_api: Api) -> None:
    headers = {"Authorization": f"Bearer {read_api.token()}"}
    for _ in range(2):
        answer = await read_api.client.get("/graphql", params={"query": NAMED}, headers=headers)
        assert answer.headers["cache-control"] == "private, no-cache"
    again = await read_api.client.get(
        "/graphql", params={"query": NAMED}, headers={**headers, "If-None-Match": answer.headers["etag"]}
    )
    assert (again.status_code, again.headers["cache-control"]) == (304, "private, no-cache")


async def test_each_media_type_has_its_own_entity_tag(read_api: Api) -> None:
    async def ask(accept: str, **headers: str) -> httpx2.Response:
        return await read_api.client.get("/graphql", params={"query": NAMED}, headers={"Accept": accept, **headers})

    accepts = ("application/json", "*/*", "application/graphql-response+json")
    tags = [(await ask(accept)).headers["etag"] for accept in accepts for _ in range(2)]
    assert tags[0] == tags[1] == tags[2] == tags[3] != tags[4] == tags[5]
    again = [(await ask(accept, **{"If-None-Match": tags[0]})).status_code for accept in accepts]
    assert again == [304, 304, 200]


async def test_a_repeated_request_gets_the_same_answer_until_the_revision_changes(
    api: Api, recompute: Recompute
) -> None:
    async def ask(**headers: str) -> Any:
        response = await api.client.post("/graphql", json={"query": KREFELD}, headers=headers)
        assert len(response.headers["x-trace-id"]) == 32
        return response.headers["content-type"], response.headers["etag"], response.json()

    first = await ask()
    assert await ask() == first
    assert (await ask(Accept="application/graphql-response+json"))[0] != first[0]
    assert (await ask(Accept="application/json")) == first
    assert await ask() == first
    await api.data(SUBMIT, token=api.token())
    await recompute()
    await api.service.live.refresh()
    newer = await ask()
    assert newer[2]["data"]["ranking"]["revision"] == 2
    assert await ask() == newer


async def test_the_query_of_a_client_that_goes_away_is_dropped(api: Api) -> None:
    """The lock is held all the while: only a dropped statement stops waiting for it."""
    waiting = """select count(*) from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock' and query = $1"""
    query = b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
    body = b'{"query": "{ edition(year: 2025) { revision } }"}'
    host, port = api.url.removeprefix("http://").split(":")
    async with api.service.pool.acquire() as holder, holder.transaction():
        await holder.execute("lock table edition in access exclusive mode")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(query % (len(body), body))
        await _until(api.service.pool, waiting, 1)
        writer.close()
        await _until(api.service.pool, waiting, 0)


async def _until(connection: Any, query: str, expected: int) -> None:
    async with asyncio.timeout(5):
        while await connection.fetchval(query, edition.REVISIONS) != expected:
            await asyncio.sleep(0.02)
