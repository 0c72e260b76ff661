"""Submissions, queries and subscriptions without pause, by clients that come back, and what must be true of them."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import websockets

from tests.api.websocket.test_subscription import TRANSPORT as PROTOCOL
from tests.api.websocket.test_subscription import Socket, address
from tests.faults.installation import Installation

SUBMIT = """mutation($input: SubmitScoresInput!) { submitScores(input: $input) {
  submission { revision } errors { code message } } }"""
PAGE = """query($after: String) { ranking(edition: 2025) { revision entries(first: 50, after: $after) {
  nodes { rank score categories { score } city { slug } } pageInfo { endCursor } } } }"""
FOLLOW = """subscription($since: Int) { rankingRecomputed(edition: 2025, since: $since) {
  ranking { revision cityCount } } }"""
CITIES = ("krefeld", "bonn", "aachen", "siegen", "bochum")
# Codes after which graphql-ws comes back; 1006 is a connection that broke.
COMES_BACK_FROM = {1001, 1005, 1006, 1012, 1013, None}
RETRY_SECONDS = 0.05
# Clients and proxies share one processor: without a pause they would measure themselves.
PAUSE_SECONDS = 0.05

_runs = itertools.count(1)


@dataclass
class Traffic:
    """What the clients were told. Any of them fails as soon as it is told what must not be."""

    system: Installation
    run: int = field(default_factory=lambda: next(_runs))
    quiet: asyncio.Event = field(default_factory=asyncio.Event)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    accepted: dict[str, int] = field(default_factory=dict)
    newest: dict[str, float] = field(default_factory=dict)
    followed: dict[int, int] = field(default_factory=dict)
    queries: int = 0
    refusals: int = 0
    seconds: float = 0

    async def write(self, city: str) -> None:
        """Record a new value for one city again and again, each until it is accepted."""
        for number in itertools.count(1):
            if self.quiet.is_set():
                return
            value = float((7 * number + self.run) % 101)
            key = f"{self.run} {city} {number}"
            self.accepted[key] = await self._submit(city, value, key)
            self.newest[city] = value
            await asyncio.sleep(PAUSE_SECONDS)

    async def _submit(self, city: str, value: float, key: str) -> int:
        scores = [{"city": city, "measure": "payment", "value": value}]
        given = {"input": {"edition": 2025, "scores": scores, "idempotencyKey": key}}
        while True:
            try:
                answer = await self.system.post(SUBMIT, given, seconds=5)
            except (httpx2.TransportError, ValueError):
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if "errors" in answer:
                codes = {error["extensions"]["code"] for error in answer["errors"]}
                assert codes <= {"UNAVAILABLE", "TIMEOUT"}, answer
                self.refusals += 1
                await asyncio.sleep(RETRY_SECONDS)
                continue
            payload = answer["data"]["submitScores"]
            assert payload["errors"] == []
            revision: int = payload["submission"]["revision"]
            return revision

    async def read(self) -> None:
        """Read both pages of the ranking again and again: one revision, whole, never an older one than before."""
        seen = 0
        while not self.stopping.is_set():
            try:
                first = await self.system.post(PAGE, seconds=5)
                after = first["data"]["ranking"]["entries"]["pageInfo"]["endCursor"]
                second = await self.system.post(PAGE, {"after": after}, seconds=5)
                pages = [first["data"]["ranking"], second["data"]["ranking"]]
            except (httpx2.TransportError, ValueError, TypeError, KeyError):
                await asyncio.sleep(RETRY_SECONDS)
                continue
            assert pages[0]["revision"] == pages[1]["revision"] >= seen
            seen = pages[0]["revision"]
            nodes = [node for page in pages for node in page["entries"]["nodes"]]
            assert len({node["city"]["slug"] for node in nodes}) == len(nodes) == 83
            scores = [node["score"] for node in nodes]
            assert scores == sorted(scores, reverse=True)
            for node in nodes:
                mean = sum(category["score"] for category in node["categories"]) / 5
                assert abs(mean - node["score"]) < 1e-9
            self.queries += 1
            await asyncio.sleep(PAUSE_SECONDS)

    async def follow(self, number: int) -> None:
        """Follow the ranking, from where it was left whenever the connection breaks."""
        self.followed[number] = 0
        while not self.stopping.is_set():
            try:
                async with websockets.connect(
                    address(self.system), subprotocols=[PROTOCOL], ping_timeout=None, open_timeout=5
                ) as connection:
                    await self._follow(Socket(connection), number)
            except websockets.ConnectionClosed as closed:
                assert (closed.rcvd and closed.rcvd.code) in COMES_BACK_FROM, closed
            except (OSError, websockets.InvalidMessage, websockets.InvalidStatus, TimeoutError):
                pass
            await asyncio.sleep(RETRY_SECONDS)

    async def _follow(self, socket: Socket, number: int) -> None:
        await socket.send(type="connection_init")
        assert await socket.receive() == {"type": "connection_ack"}
        await socket.subscribe(FOLLOW, since=self.followed[number])
        while not self.stopping.is_set():
            message = await socket.receive()
            assert message["type"] == "next", f"a stream ends only with its connection: {message}"
            ranking = message["payload"]["data"]["rankingRecomputed"]["ranking"]
            assert ranking["cityCount"] == 83
            assert ranking["revision"] > self.followed[number], "a revision came twice, or an older one"
            self.followed[number] = ranking["revision"]

    async def settle(self) -> None:
        """See that all that was accepted is in the ranking everyone has, once; `seconds` is how long that took."""
        self.seconds = await self.system.until_ranked()
        newest = await self.system.pool.fetchval("select revision from edition where year = 2025")
        async with asyncio.timeout(20):
            while (set(self.followed.values()) != {newest}) or await self._revision() != newest:
                await asyncio.sleep(0.05)
        assert await self._recorded() == self.newest
        made = await self.system.pool.fetch(
            "select idempotency_key, revision from submission where idempotency_key like $1", f"{self.run} %"
        )
        assert {row["idempotency_key"]: row["revision"] for row in made} == self.accepted
        assert len(self.accepted) > 0
        assert self.queries > 0

    async def _revision(self) -> int:
        try:
            answer = await self.system.post("{ ranking(edition: 2025) { revision } }", seconds=5)
            revision: int = answer["data"]["ranking"]["revision"]
        except (httpx2.TransportError, ValueError, TypeError, KeyError):
            return 0
        return revision

    async def _recorded(self) -> dict[str, float]:
        """The value of Payment that the newest ranking has for each city that was written."""
        query = """query($city: String!) { ranking(edition: 2025) { entry(city: $city) {
          category(code: "administration") { indicators { indicator { code } value } } } } }"""
        found = {}
        for city in self.newest:
            entry: Any = (await self.system.post(query, {"city": city}))["data"]["ranking"]["entry"]
            values = {each["indicator"]["code"]: each["value"] for each in entry["category"]["indicators"]}
            found[city] = values["payment"]
        return found


@asynccontextmanager
async def traffic(system: Installation, followers: int = 3) -> AsyncIterator[Traffic]:
    """Clients at work for the time of the block; afterwards everything that was accepted must be there, once."""
    running = Traffic(system)
    async with asyncio.TaskGroup() as group:
        writers = [group.create_task(running.write(city)) for city in CITIES]
        followers_ = [group.create_task(running.follow(number)) for number in range(followers)]
        group.create_task(running.read())
        while len(running.newest) < len(CITIES):
            await asyncio.sleep(0.02)
        yield running
        running.quiet.set()
        await asyncio.wait(writers)
        await running.settle()
        running.stopping.set()
        for task in followers_:
            task.cancel()
