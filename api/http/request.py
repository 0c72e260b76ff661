"""One operation as a client sent it over HTTP, and the form of answer that the client takes."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson
from graphql import OperationType
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive

from api.error import RequestError
from api.http import method
from api.operation.request import FindText, GraphQLRequest, checked

GRAPHQL_JSON = "application/graphql-response+json"
JSON = "application/json"
EVENT_STREAM = "text/event-stream"
QUALITY = re.compile(r"(0|1|0?\.[0-9]+|0\.|1\.0*)")


async def content(receive: Receive, limit_bytes: int) -> bytes:
    """The body of a request."""
    body = bytearray()
    while True:
        message = await receive()
        if not body and not message.get("more_body", True) and len(message["body"]) <= limit_bytes:
            whole: bytes = message["body"]
            return whole
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > limit_bytes:
            raise RequestError(413, "TOO_LARGE", f"a body has at most {limit_bytes} bytes")
        if not message.get("more_body", False):
            return bytes(body)


def read(request: Request, body: bytes, find_text: FindText) -> GraphQLRequest:
    """What a request asks for; raises `RequestError` for one that has not the form, and what *find_text* raises."""
    if request.method == "GET":
        return _from_query_string(request, find_text)
    if request.method != "POST":
        raise RequestError(405, "METHOD_NOT_ALLOWED", "use POST or GET", method.GRAPHQL)
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise RequestError(415, "UNSUPPORTED_MEDIA_TYPE", "send the body uncompressed", {"Accept-Encoding": "identity"})
    content_type, _, parameters = request.headers.get("content-type", "").lower().partition(";")
    charset = parameters.partition("charset=")[2].strip(' "') or "utf-8"
    if content_type.strip() != JSON or charset not in ("utf-8", "utf8"):
        raise RequestError(415, "UNSUPPORTED_MEDIA_TYPE", f"send {JSON} in UTF-8", {"Accept-Post": JSON})
    fields = _parse(body, "the body")
    if not isinstance(fields, dict):
        raise RequestError(400, "BAD_REQUEST", "the body is not a JSON object")
    return checked(fields, find_text)


def _from_query_string(request: Request, find_text: FindText) -> GraphQLRequest:
    fields: dict[str, Any] = {name: value for name, value in request.query_params.items() if value}
    for name in ("variables", "extensions"):
        if name in fields:
            fields[name] = _parse(fields[name].encode(), name)
    return checked(fields, find_text)


def _parse(text: bytes, what: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise RequestError(400, "BAD_REQUEST", f"{what} is not JSON: {error}") from error


@lru_cache(maxsize=100)
def accepted(header: str | None) -> Mapping[str, float]:
    """Quality of each media type that we have, by the header's most specific range, the preferred first.

    Anything without a header. A type that is named goes before those that a wildcard covers, and of these the one that
    every client reads goes first.
    """
    ranges = _ranges(header or "*/*")
    preferred = [ours for ours in (GRAPHQL_JSON, JSON, EVENT_STREAM) if ours in ranges]
    preferred += [ours for ours in (JSON, GRAPHQL_JSON, EVENT_STREAM) if ours not in ranges]
    return {
        ours: quality
        for ours in preferred
        for quality in [next((ranges[r] for r in (ours, f"{ours.partition('/')[0]}/*", "*/*") if r in ranges), 0)]
        if quality > 0
    }


def _ranges(header: str) -> dict[str, float]:
    """Quality of each range of an Accept header."""
    ranges: dict[str, float] = {}
    for part in header.lower().split(","):
        media_range, *parameters = (piece.strip() for piece in part.split(";"))
        quality = next((value[2:] for value in parameters if value.startswith("q=")), "1")
        if not QUALITY.fullmatch(quality):
            raise RequestError(400, "BAD_REQUEST", f"Accept has the quality {quality!r}, which is not 0 to 1")
        ranges[media_range] = float(quality)
    return ranges


def media_type(accepted: Mapping[str, float], operation_type: OperationType) -> str:
    """Of the answer: a subscription can only stream, anything else streams for those who take nothing else."""
    plain = {ours: quality for ours, quality in accepted.items() if ours != EVENT_STREAM}
    if operation_type is OperationType.SUBSCRIPTION:
        if EVENT_STREAM not in accepted:
            message = f"a subscription is answered with {EVENT_STREAM}, or over a WebSocket"
            raise RequestError(406, "NOT_ACCEPTABLE", message)
        return EVENT_STREAM
    if plain:
        return max(plain, key=lambda ours: plain[ours])
    if EVENT_STREAM in accepted:
        return EVENT_STREAM
    raise RequestError(406, "NOT_ACCEPTABLE", f"the answer is {GRAPHQL_JSON}, {JSON} or {EVENT_STREAM}")
