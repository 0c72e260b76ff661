"""Clients that go away before their answer is there."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from db import telemetry

# A client that leaves is noticed after this time: most answers take less than noticing would.
UNWATCHED_SECONDS = 0.02

log = telemetry.logger(__name__)


async def unless_disconnected(request: Request, answering: Coroutine[Any, Any, Response]) -> Response | None:
    """The answer; None when the client disconnects first, which cancels *answering*."""
    current = asyncio.current_task()
    assert current is not None
    watching: asyncio.Task[None] | None = None

    def watch() -> None:
        nonlocal watching
        watching = asyncio.create_task(_cancel_when_disconnected(request, current))

    timer = asyncio.get_running_loop().call_later(UNWATCHED_SECONDS, watch)
    try:
        return await answering
    except asyncio.CancelledError:
        if watching is None or not watching.done():
            raise
        current.uncancel()
        log.info("the client disconnected, its query is dropped")
        return None
    finally:
        timer.cancel()
        if watching is not None:
            watching.cancel()


async def _cancel_when_disconnected(request: Request, task: "asyncio.Task[Any]") -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    task.cancel()
