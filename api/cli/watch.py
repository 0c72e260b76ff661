"""`sci watch`: every new ranking as it comes, from the subscription."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx2
import typer

from api.cli.console import errors, fail
from db.postgres import cancellation

SUBSCRIPTION = """
subscription($edition: Int, $since: Int) {
  rankingRecomputed(edition: $edition, since: $since) {
    ranking { revision edition { year } topTen { rank city { name } } }
    changes { city { name } oldRank newRank }
  }
}
"""
PAUSE_SECONDS = 1.0
# A server sends a heartbeat every 15 s unless it is told otherwise.
SILENCE_SECONDS = 60.0
MOST_CHANGES = 10
SERVER_ERROR = 500

Event = dict[str, Any]


class RefusedError(Exception):
    """The server answers, and not with events."""


def watch(
    url: Annotated[str, typer.Option(help="Address of the API.")] = "http://127.0.0.1:8000/",
    edition: Annotated[int | None, typer.Option(help="Year; the newest edition when left out.")] = None,
    count: Annotated[int | None, typer.Option(min=1, help="End after so many rankings.")] = None,
) -> None:
    """Show each new ranking as it comes, until Ctrl-C."""
    try:
        asyncio.run(_watch(url.rstrip("/") + "/graphql", edition, count))
    except (RefusedError, httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
        fail(f"{url}: {error}")


async def _watch(url: str, edition: int | None, count: int | None) -> None:
    revision: int | None = None
    shown = 0
    is_away = False
    async with httpx2.AsyncClient(timeout=SILENCE_SECONDS) as client:
        while True:
            try:
                async for event in _events(client, url, {"edition": edition, "since": revision}):
                    is_away = False
                    revision = event["ranking"]["revision"]
                    typer.echo(_line(event))
                    shown += 1
                    if shown == count:
                        return
            except httpx2.UnsupportedProtocol:
                raise
            except httpx2.TransportError as error:
                if not is_away:
                    errors.print(f"sci: {url} does not answer ({error or type(error).__name__}); trying again")
                is_away = True
            # Ctrl-C must end it also where the client has lost the cancellation.
            cancellation.raise_if_cancelled()
            await asyncio.sleep(PAUSE_SECONDS)


async def _events(client: httpx2.AsyncClient, url: str, variables: dict[str, int | None]) -> AsyncIterator[Event]:
    """The events of one subscription until the server ends it; raises `RefusedError` and transport errors."""
    body = {"query": SUBSCRIPTION, "variables": variables}
    async with client.stream("POST", url, json=body, headers={"Accept": "text/event-stream"}) as response:
        if not response.headers.get("content-type", "").startswith("text/event-stream"):
            await response.aread()
            if response.status_code >= SERVER_ERROR:
                # It may be back soon.
                return
            raise RefusedError(f"the answer is {response.status_code}: {response.text[:200]}")
        async for line in response.aiter_lines():
            if line.startswith("data: {"):
                answer = json.loads(line.removeprefix("data: "))
                if "errors" in answer:
                    raise RefusedError(answer["errors"][0]["message"])
                yield answer["data"]["rankingRecomputed"]


def _line(event: Event) -> str:
    ranking, changes = event["ranking"], event["changes"] or []
    best = ", ".join(f"{entry['rank']} {entry['city']['name']}" for entry in ranking["topTen"][:3])
    moves = [f"{each['city']['name']} {each['oldRank'] or '-'} to {each['newRank'] or '-'}" for each in changes]
    more = f" and {len(moves) - MOST_CHANGES} more" if len(moves) > MOST_CHANGES else ""
    moved = f"; moved: {', '.join(moves[:MOST_CHANGES])}{more}" if moves else ""
    return f"{ranking['edition']['year']}, revision {ranking['revision']}: {best}{moved}"
