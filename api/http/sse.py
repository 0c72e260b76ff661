"""GraphQL over server-sent events, each operation on a connection of its own (graphql-sse, distinct mode)."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterable
from contextlib import aclosing
from typing import Any

from starlette.responses import Response, StreamingResponse

from api.error import DocumentError
from api.operation.execution import json, refused

# A comment; it keeps proxies from closing a silent stream, and finds out clients that are gone.
HEARTBEAT = b":\n\n"
NEXT = b"event: next\ndata: "
COMPLETE = b"event: complete\ndata:\n\n"

Break = Callable[[], Coroutine[Any, Any, Any]]


def response(answers: AsyncGenerator[bytes], breaking: Iterable[Break], heartbeat_seconds: float) -> StreamingResponse:
    """The answers as they come, then `complete`; when one of *breaking* returns, the stream only breaks off,
    so that the client connects again.
    """
    return StreamingResponse(
        _events(answers, breaking, heartbeat_seconds),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def refusal(error: DocumentError) -> Response:
    """The errors as a stream of one event: who takes nothing but streams would not read them otherwise."""
    body = NEXT + json(refused(error)) + b"\n\n" + COMPLETE
    return Response(body, media_type="text/event-stream", headers={"Cache-Control": "no-store"})


async def _events(
    answers: AsyncGenerator[bytes], breaking: Iterable[Break], heartbeat_seconds: float
) -> AsyncIterator[bytes]:
    yield HEARTBEAT
    breaks = [asyncio.create_task(wait()) for wait in breaking]
    async with aclosing(answers):
        upcoming = asyncio.ensure_future(anext(answers, None))
        try:
            while True:
                await asyncio.wait({upcoming, *breaks}, timeout=heartbeat_seconds, return_when=asyncio.FIRST_COMPLETED)
                if any(each.done() for each in breaks):
                    return
                if not upcoming.done():
                    yield HEARTBEAT
                    continue
                try:
                    answer = upcoming.result()
                except DocumentError as error:
                    yield NEXT + json(refused(error)) + b"\n\n"
                    break
                if answer is None:
                    break
                yield NEXT + answer + b"\n\n"
                upcoming = asyncio.ensure_future(anext(answers, None))
        finally:
            for task in (upcoming, *breaks):
                task.cancel()
            await asyncio.gather(upcoming, *breaks, return_exceptions=True)
    yield COMPLETE
