"""Answers are kept as long as they are true, and never longer."""

import asyncio

from api import cache
from api.cache import MIB, Answer, AnswerCache
from tests.conftest import Api, Recompute

KREFELD = '{ ranking { revision entry(city: "krefeld") { score } } }'
SUBMIT = """mutation { submitScores(input: {edition: 2025, scores: [{city: "krefeld", measure: "payment", value: 0}]}) {
  submission { revision } errors { message } } }"""


async def test_a_burst_of_identical_misses_computes_once() -> None:
    answers, calls = AnswerCache(1), 0
    go = asyncio.Event()

    async def execute() -> Answer:
        nonlocal calls
        calls += 1
        await go.wait()
        return Answer(b"body", is_pure=True)

    burst = [asyncio.create_task(answers.compute("key", execute)) for _ in range(50)]
    await asyncio.sleep(0)
    go.set()
    assert [answer.body for answer in await asyncio.gather(*burst)] == [b"body"] * 50
    assert calls == 1
    assert answers.get("key") == Answer(b"body", is_pure=True)


async def test_an_impure_answer_is_neither_shared_nor_kept() -> None:
    answers, calls = AnswerCache(1), 0

    async def execute() -> Answer:
        nonlocal calls
        calls += 1
        number = calls
        await asyncio.sleep(0)
        return Answer(str(number).encode(), is_pure=False)

    burst = await asyncio.gather(*(answers.compute("key", execute) for _ in range(3)))
    assert sorted(answer.body for answer in burst) == [b"1", b"2", b"3"]
    assert answers.get("key") is None


async def test_the_first_client_that_goes_away_leaves_the_answer_to_the_others() -> None:
    answers, go = AnswerCache(1), asyncio.Event()

    async def execute() -> Answer:
        await go.wait()
        return Answer(b"body", is_pure=True)

    first = asyncio.create_task(answers.compute("key", execute))
    second = asyncio.create_task(answers.compute("key", execute))
    await asyncio.sleep(0)
    first.cancel()
    go.set()
    assert (await second).body == b"body"


async def test_the_answers_used_last_stay_within_the_bound() -> None:
    answers = AnswerCache(1)

    async def execute() -> Answer:
        return Answer(bytes(MIB // 3), is_pure=True)

    for key in ("a", "b", "a", "c"):
        await answers.compute(key, execute)
        answers.get("a")
    assert [key for key in "abc" if answers.get(key) is not None] == ["a", "c"]


async def test_nothing_is_kept_when_it_is_off() -> None:
    answers = AnswerCache(0)

    async def execute() -> Answer:
        return Answer(b"", is_pure=True)

    await answers.compute("key", execute)
    assert answers.get("key") is None


def test_the_key_names_everything() -> None:
    assert cache.key("q", {"a": 1, "b": 2}, {2025: 1}) == cache.key("q", {"b": 2, "a": 1}, {2025: 1})
    assert cache.key("q", {}, {2025: 1}) != cache.key("q", {}, {2025: 2})


async def test_a_kept_answer_costs_304_and_ends_with_its_revision(api: Api, recompute: Recompute) -> None:
    first = await api.client.get("/graphql", params={"query": KREFELD})
    tag = first.headers["etag"]
    again = await api.client.get("/graphql", params={"query": KREFELD}, headers={"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)

    await api.data(SUBMIT, token=api.token())
    await recompute()
    await api.service.index.refresh()
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
