"""The form of an answer over HTTP: status, headers, body."""

from functools import lru_cache
from typing import Any

import orjson
from graphql import ExecutionResult
from starlette.responses import Response

from api.access import rate_limit
from api.error import RequestError
from api.http.request import GRAPHQL_JSON
from api.operation.answer_cache import Answer
from api.operation.execution import is_refused, json
from db.rate import Budget

VARY = "Accept, Authorization"


def executed(
    result: ExecutionResult, media_type: str, notes: dict[str, Any] | None = None, budget: Budget | None = None
) -> Response:
    """Only the newer media type carries a status of its own; 200 is all that older clients read."""
    failed = is_refused(result) and media_type == GRAPHQL_JSON
    return Response(
        json(result, notes),
        status_code=400 if failed else 200,
        headers={
            "Content-Type": f"{media_type}; charset=utf-8",
            "Vary": VARY,
            "Cache-Control": "no-store",
            **({} if budget is None else rate_limit.headers(budget)),
        },
    )


class Ready(Response):
    """An answer whose head is there as it is sent: Starlette encodes one header after the other."""

    def __init__(self, body: bytes, head: list[tuple[bytes, bytes]]) -> None:
        self.status_code = 200
        self.background = None
        self.body = body
        self.raw_headers = head


def computed(answer: Answer, media_type: str, key: str, *, is_anonymous: bool) -> Response:
    """An answer without errors; *key* names it in its entity tag when it may be kept."""
    length = len(answer.body)
    if not answer.is_pure:
        return Ready(answer.body, _head(media_type, length, "no-store", None))
    kept = caching(answer, is_anonymous=is_anonymous)
    return Ready(answer.body, _head(media_type, length, kept, entity_tag(key, media_type)))


@lru_cache(maxsize=1_000)
def _head(media_type: str, length: int, cache_control: str, tag: str | None) -> list[tuple[bytes, bytes]]:
    fields = {
        "content-length": str(length),
        "content-type": f"{media_type}; charset=utf-8",
        "vary": VARY,
        "cache-control": cache_control,
        **({} if tag is None else {"etag": tag}),
    }
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields.items()]


def not_modified(answer: Answer | None, tag: str, *, is_anonymous: bool) -> Response:
    """The client's copy is still true."""
    kept = "no-cache" if answer is None else caching(answer, is_anonymous=is_anonymous)
    return Response(status_code=304, headers={"ETag": tag, "Vary": VARY, "Cache-Control": kept})


def caching(answer: Answer, *, is_anonymous: bool) -> str:
    """What is answered to a token is for its bearer alone."""
    return answer.caching if is_anonymous else "private, no-cache"


def entity_tag(key: str, media_type: str) -> str:
    """Strong: the two JSON media types are two representations."""
    return f'"{key}"' if media_type == GRAPHQL_JSON else f'"{key}-json"'


def refusal(error: RequestError) -> Response:
    """The answer to a request of which nothing is executed.

    In the newer media type for everyone: without 2xx, only that tells a client that GraphQL has answered, and no proxy.
    """
    return Response(
        orjson.dumps({"errors": [error.formatted]}),
        status_code=error.status,
        headers={"Content-Type": f"{GRAPHQL_JSON}; charset=utf-8", "Cache-Control": "no-store", **error.headers},
    )
