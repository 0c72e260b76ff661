"""Which methods an address answers: said to OPTIONS with 204, to the methods that it does not answer with 405."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

GRAPHQL = {"Allow": "GET, OPTIONS, POST"}
# Starlette's files do not say it.
FILES = {"Allow": "GET, HEAD"}


def options() -> Response:
    """What /graphql says of itself."""
    return Response(status_code=204, headers=GRAPHQL)


async def not_routed(request: Request, error: Exception) -> Response:
    """The answer where a route knows other methods only, which Starlette names in no order."""
    assert isinstance(error, HTTPException)
    allowed = sorted({"OPTIONS", *(error.headers or FILES)["Allow"].split(", ")})
    headers = {"Allow": ", ".join(allowed)}
    if request.method == "OPTIONS":
        return Response(status_code=204, headers=headers)
    return PlainTextResponse(f"use {' or '.join(allowed)}\n", 405, headers=headers)
