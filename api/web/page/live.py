"""Tells an open page that a newer ranking is there; the page then fetches itself again."""

from collections.abc import AsyncIterator
from contextlib import aclosing

import orjson
from starlette.responses import StreamingResponse

from api.access.rate_limit import RateLimiter
from api.error import DocumentError
from api.operation.context import Context
from api.operation.execution import Execution
from api.operation.request import GraphQLRequest

FOLLOW = """subscription Live($edition: Int!, $since: Int!) {
  rankingRecomputed(edition: $edition, since: $since) { ranking { revision } } }"""
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


async def follow(
    execution: Execution, context: Context, rate_limiter: RateLimiter, year: int, since: int
) -> StreamingResponse:
    """An event `ranking` for each ranking of the edition that is newer than *since*, by the public subscription."""
    asked = GraphQLRequest(FOLLOW, {"edition": year, "since": since}, None)
    operation = await execution.admit(asked, context)

    async def events() -> AsyncIterator[bytes]:
        # Browsers wait for the first bytes before they call a stream open.
        yield b":\n\n"
        with rate_limiter.streaming(context.address):
            try:
                async with aclosing(execution.stream(operation, asked, context)) as answers:
                    async for answer in answers:
                        data = orjson.loads(answer)["data"]
                        if data is None:
                            return
                        yield f"event: ranking\ndata: {data['rankingRecomputed']['ranking']['revision']}\n\n".encode()
            except DocumentError:
                # The browser connects again.
                return

    return StreamingResponse(events(), media_type="text/event-stream", headers=HEADERS)
