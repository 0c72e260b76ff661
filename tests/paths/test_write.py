"""A score update all the way: mutation, outbox, relay, worker, ranking, and everyone who follows."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import httpx2

from tests.api.websocket.test_subscription import connected
from tests.paths.conftest import RANKED_SECONDS, System

FOLLOW = """subscription { rankingRecomputed(edition: 2025) { previousRevision
  changes { city { slug } category { code } oldRank newRank }
  ranking { revision entry(city: "krefeld") { rank
    category(code: "administration") { indicators { indicator { code } value } } } } } }"""


@asynccontextmanager
async def streaming(system: System) -> AsyncIterator[AsyncIterator[Any]]:
    """The events of a subscription over server-sent events."""
    async with (
        httpx2.AsyncClient(base_url=system.url, timeout=RANKED_SECONDS) as client,
        client.stream(
            "POST", "graphql", json={"query": FOLLOW}, headers={"Accept": "text/event-stream"}
        ) as response,
    ):  # fmt: skip
        yield (
            json.loads(line.removeprefix("data: "))["data"]["rankingRecomputed"]
            async for line in response.aiter_lines()
            if line.startswith("data: ")
        )


def seen(event: Any) -> tuple[int, int, float]:
    """Revision of an event, and Krefeld's rank and Payment value in it."""
    entry = event["ranking"]["entry"]
    values = {each["indicator"]["code"]: each["value"] for each in entry["category"]["indicators"]}
    return event["ranking"]["revision"], entry["rank"], values["payment"]


async def test_a_score_update_reaches_everyone_who_follows(system: System) -> None:
    token = await system.token()
    current = await system.ranked((await system.submit(10, token))["id"])
    async with connected(system) as socket, streaming(system) as stream:
        await socket.subscribe(FOLLOW)
        for event in (await socket.event(), await anext(stream)):
            assert seen(event) == (current, 50, 10)
        submission = await system.submit(100, token)
        assert submission["revision"] == current + 1
        events = await socket.event(), await anext(stream)
    for event in events:
        assert seen(event) == (current + 1, 41, 100)
        assert event["previousRevision"] == current
        assert {"city": {"slug": "krefeld"}, "category": None, "oldRank": 50, "newRank": 41} in event["changes"]
    assert await system.ranked(submission["id"]) == current + 1


async def test_an_uncertainty_analysis_goes_through_the_worker(system: System) -> None:
    token = await system.token()
    request = """mutation { requestUncertainty(input: {edition: 2025, draws: 1000, seed: 5}) {
      analysis { id status } errors { message } } }"""
    asked = (await system.query(request, token=token))["requestUncertainty"]
    assert asked["errors"] == []
    query = "query($id: ID!) { node(id: $id) { ... on UncertaintyAnalysis { status progress ranks { medianRank } } } }"
    async with asyncio.timeout(RANKED_SECONDS):
        while (found := (await system.query(query, {"id": asked["analysis"]["id"]}))["node"])["status"] != "FINISHED":
            await asyncio.sleep(0.05)
    assert (found["progress"], len(found["ranks"])) == (1, 83)


async def test_after_a_burst_everyone_has_the_newest(system: System) -> None:
    token = await system.token()
    before = await system.ranked((await system.submit(0, token))["id"])
    submitted = {before: 0.0}

    async def submit(task: int) -> None:
        for number in range(10):
            value = 1 + 10 * task + number
            submitted[(await system.submit(value, token))["revision"]] = value

    async with connected(system) as socket, streaming(system) as stream, asyncio.timeout(RANKED_SECONDS):
        await socket.subscribe(FOLLOW)
        following = [
            asyncio.create_task(_until(before + 50, socket.event)),
            asyncio.create_task(_until(before + 50, stream.__anext__)),
        ]
        await asyncio.gather(*(submit(task) for task in range(5)))
        followed = await asyncio.gather(*following)
    assert sorted(submitted) == list(range(before, before + 51))
    for events in followed:
        revisions = [revision for revision, _, _ in map(seen, events)]
        assert revisions[0] == before
        assert revisions == sorted(set(revisions))
        assert [value for _, _, value in map(seen, events)] == [submitted[revision] for revision in revisions]
        for (earlier, later), event in zip(pairwise(revisions), events[1:], strict=True):
            assert earlier <= event["previousRevision"] < later


async def test_a_client_that_leaves_is_forgotten(system: System) -> None:
    await _until_open_sockets(system, 0)
    async with connected(system) as socket:
        await socket.subscribe(FOLLOW)
        await socket.event()
        await _until_open_sockets(system, 1)
    await _until_open_sockets(system, 0)


async def _until(revision: int, event: Any) -> list[Any]:
    """Events up to the one of a revision."""
    events = [await event()]
    while events[-1]["ranking"]["revision"] < revision:
        events.append(await event())
    return events


async def _until_open_sockets(system: System, count: int) -> None:
    async with httpx2.AsyncClient(base_url=system.url, timeout=30) as client, asyncio.timeout(RANKED_SECONDS):
        while f"\nsci_open_websockets {count}.0\n" not in (await client.get("metrics")).text:
            await asyncio.sleep(0.05)
