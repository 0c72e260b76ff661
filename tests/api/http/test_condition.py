"""Entity tags: what a client has is told to be so in every form of asking, and never after a restore."""

import asyncio
import json
from typing import Any

import httpx2
import pytest

from api.http import condition
from api.operation.context import Context
from api.operation.request import GraphQLRequest
from db.index import installation
from tests.conftest import Api

NAMED = '{ ranking(edition: 2025, revision: 1) { entry(city: "bonn") { score } } }'
DOORS: list[tuple[str, dict[str, str]]] = [
    ("/graphql", {"query": NAMED}),
    ("/export/2025.csv", {}),
    ("/export/2025.json", {"revision": "1"}),
    ("/graphiql/", {}),
    ("/graphiql/graphiql.js.gz", {}),
]


async def ask(api: Api, door: tuple[str, dict[str, str]], *if_none_match: str) -> httpx2.Response:
    path, params = door
    return await api.client.get(path, params=params, headers=[("If-None-Match", each) for each in if_none_match])


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (['"a"'], True),
        (['W/"a"'], True),
        (["*"], True),
        ([" * "], True),
        (['"b"', '"a"'], True),
        (['"b", "c"', 'W/"d" ,W/"a"'], True),
        (['"b,", "a"'], True),
        ([], False),
        (["a"], False),
        (['"b"'], False),
        (['"ab"'], False),
        (['"b", *'], False),
    ],
)
def test_a_tag_is_found_in_every_form(headers: list[str], expected: bool) -> None:
    assert condition.has_copy(headers, '"a"') is expected


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door[0])
async def test_who_has_an_answer_is_told_so(door: tuple[str, dict[str, str]], read_api: Api) -> None:
    first = await ask(read_api, door)
    tag = first.headers["etag"]
    for headers in ([tag], [f"W/{tag}"], ["*"], ['"other"', tag], [f'"other", {tag}', '"more"']):
        again = await ask(read_api, door, *headers)
        assert (again.status_code, again.headers["etag"], again.content) == (304, tag, b"")
    assert (await ask(read_api, door, '"other"')).content == first.content


async def test_a_star_has_only_what_there_is(read_api: Api) -> None:
    new = ("/graphql", {"query": NAMED.replace("bonn", "trier")})
    assert [(await ask(read_api, new, "*")).status_code for _ in range(2)] == [304, 304]
    failing = ("/graphql", {"query": "{ cities(first: 0) { totalCount } }"})
    answers = [await ask(read_api, failing, "*") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    nothing = ("/export/2025.csv", {"revision": "99"})
    assert (await ask(read_api, nothing, "*")).status_code == 404
    posted = await read_api.client.post("/graphql", json={"query": NAMED}, headers={"If-None-Match": "*"})
    assert posted.status_code == 200


async def test_no_tag_outlives_a_restore(api: Api) -> None:
    """The same revision with other content, as a backup that was changed elsewhere has it."""
    before = {door[0]: await ask(api, door) for door in DOORS[:3]}
    await api.service.pool.execute(
        """update ranking_column set score = (select array_agg(s + 1) from unnest(score) s) where revision = 1"""
    )
    for door in DOORS[:3]:
        assert (await ask(api, door, before[door[0]].headers["etag"])).status_code == 304
    await api.service.pool.execute(installation.RENEW)
    await api.service.live.refresh()
    for door in DOORS[:3]:
        after = await ask(api, door, before[door[0]].headers["etag"])
        assert after.status_code == 200
        assert after.headers["etag"] != before[door[0]].headers["etag"]
        assert after.content != before[door[0]].content


async def test_a_subscriber_gets_the_ranking_that_was_restored(api: Api) -> None:
    query = "subscription { rankingRecomputed(edition: 2025, since: 1) { ranking { revision } } }"
    headers = {"Accept": "text/event-stream"}
    async with api.client.stream("POST", "/graphql", json={"query": query}, headers=headers) as stream:
        lines = stream.aiter_lines()
        assert await anext(lines) == ":"
        await api.service.pool.execute(installation.RENEW)
        await api.service.live.refresh()
        async with asyncio.timeout(5):
            events = [line async for line in first_event(lines)]
    assert json.loads(events[0].removeprefix("data: ")) == {"data": {"rankingRecomputed": {"ranking": {"revision": 1}}}}


async def first_event(lines: Any) -> Any:
    async for line in lines:
        if line.startswith("data: "):
            yield line
            return


async def test_another_release_has_other_tags(read_api: Api) -> None:
    service, asked = read_api.service, GraphQLRequest(NAMED, None, None)
    releases = ["0.1.0 schema", "0.1.0 other schema", "0.2.0 schema"]
    contexts = [Context(service.pool, service.live, service.tokens, "", release) for release in releases]
    assert len({context.key(asked) for context in contexts}) == 3
