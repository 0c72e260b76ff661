"""The clients that frontends use, against the whole system: graphql-ws and graphql-sse, in Node."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.paths import node
from tests.paths.conftest import SUBMIT, System

EVENT_SECONDS = 30
FOLLOW = """subscription($since: Int) { rankingRecomputed(edition: 2025, since: $since) { previousRevision
  ranking { revision entry(city: "krefeld") { category(code: "administration") { indicators { value } } } } } }"""


class Follower:
    """A running client; `event` is what it saw next."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def event(self) -> Any:
        assert self.process.stdout is not None
        async with asyncio.timeout(EVENT_SECONDS):
            line = await self.process.stdout.readline()
        return json.loads(line)

    async def stop(self) -> None:
        """Unsubscribe, and see that the client found nothing wrong."""
        output, _ = await self.process.communicate(b"stop\n")
        assert (self.process.returncode, output.decode().replace('"complete"\n', "")) == (0, "")


@asynccontextmanager
async def following(
    npm: Path, protocol: str, system: System, since: int | None = None, query: str = FOLLOW
) -> AsyncIterator[Follower]:
    arguments = [protocol, f"{system.url}graphql", query, json.dumps({"since": since})]
    process = await asyncio.create_subprocess_exec(
        node.NODE, npm / "follow.mjs", *arguments, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    follower = Follower(process)
    try:
        yield follower
    finally:
        if process.returncode is None:
            await follower.stop()


def seen(event: Any) -> tuple[int, int | None, float]:
    """Revision, the one before, and Krefeld's Payment value of an event."""
    payload = event["data"]["rankingRecomputed"]
    indicators = payload["ranking"]["entry"]["category"]["indicators"]
    return payload["ranking"]["revision"], payload["previousRevision"], indicators[1]["value"]


@pytest.mark.parametrize("protocol", ["ws", "sse"])
async def test_a_client_gets_the_current_ranking_and_then_the_newer_one(
    protocol: str, npm: Path, system: System
) -> None:
    token = await system.token()
    current = await system.ranked((await system.submit(10, token))["id"])
    async with following(npm, protocol, system) as follower:
        revision, _, value = seen(await follower.event())
        assert (revision, value) == (current, 10)
        await system.submit(20, token)
        assert seen(await follower.event()) == (current + 1, current, 20)


@pytest.mark.parametrize("protocol", ["ws", "sse"])
async def test_since_leaves_out_what_the_client_has(protocol: str, npm: Path, system: System) -> None:
    token = await system.token()
    current = await system.ranked((await system.submit(30, token))["id"])
    async with following(npm, protocol, system, since=current) as follower:
        await system.submit(40, token)
        assert seen(await follower.event()) == (current + 1, current, 40)


async def test_a_mutation_over_graphql_ws_takes_its_token_from_the_connection(npm: Path, system: System) -> None:
    scores = [{"city": "krefeld", "measure": "payment", "value": 50}]
    variables = {"input": {"edition": 2025, "scores": scores}}
    accepted = await _run(npm, system, SUBMIT, variables, await system.token())
    assert accepted["data"]["submitScores"]["errors"] == []
    refused = await _run(npm, system, SUBMIT, variables)
    assert refused["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert (await _run(npm, system, SUBMIT, variables, "not a token"))["closed"] == 4401


async def _run(npm: Path, system: System, query: str, variables: Any, token: str = "") -> Any:
    return await node.run(npm / "run.mjs", f"{system.url}graphql", query, json.dumps(variables), token)


async def test_graphql_sse_reads_why_a_document_is_refused(npm: Path, system: System) -> None:
    wrong = FOLLOW.replace("previousRevision", "nothing")
    async with following(npm, "sse", system, query=wrong) as follower:
        [error] = (await follower.event())["errors"]
    assert error["message"] == "Cannot query field 'nothing' on type 'RankingRecomputed'."
