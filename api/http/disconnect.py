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


async def unless_gone(request: Request, answering: Coroutine[Any, Any, Response]) -> Response | None:
    """The answer; None once the client is gone, for whom nothing is worked out any more."""
    own = asyncio.current_task()
    assert own is not None
    leaving: asyncio.Task[None] | None = None

    def watch() -> None:
        nonlocal leaving
        leaving = asyncio.create_task(_cancel_when_gone(request, own))

    timer = asyncio.get_running_loop().call_later(UNWATCHED_SECONDS, watch)
    try:
        return await answering
    except asyncio.CancelledError:
        if leaving is None or not leaving.done():
            raise
        own.uncancel()
        log.info("the client is gone, its query is dropped")
        return None
    finally:
        timer.cancel()
        if leaving is not None:
            leaving.cancel()


async def _cancel_when_gone(request: Request, task: "asyncio.Task[Any]") -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    task.cancel()
