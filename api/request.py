"""One operation as a client sent it over HTTP, and the form of answer that the client takes."""

from dataclasses import dataclass
from typing import Any

import orjson
from graphql import GraphQLError, OperationType, get_operation_ast, parse
from starlette.requests import Request

GRAPHQL_JSON = "application/graphql-response+json"
JSON = "application/json"
EVENT_STREAM = "text/event-stream"


class RequestError(Exception):
    """A request that is answered without executing anything."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers or {}


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """One operation as a client sent it."""

    query: str
    variables: dict[str, Any] | None
    operation_name: str | None

    def operation_type(self, token_limit: int) -> OperationType:
        """Of the operation that will run; QUERY for a document that does not parse, which execution tells.

        Raises `RequestError` when the document does not settle which operation that is.
        """
        try:
            operation = get_operation_ast(parse(self.query, max_tokens=token_limit), self.operation_name)
        except (GraphQLError, RecursionError):
            return OperationType.QUERY
        if operation is None:
            message = "the document has no such operation, or several and no operationName"
            raise RequestError(400, "GRAPHQL_VALIDATION_FAILED", message)
        return operation.operation


async def read(request: Request, limit_bytes: int) -> GraphQLRequest:
    if request.method == "GET":
        return _from_query_string(request)
    if request.method != "POST":
        raise RequestError(405, "METHOD_NOT_ALLOWED", "use POST or GET", {"Allow": "GET, POST"})
    content_type, _, parameters = request.headers.get("content-type", "").lower().partition(";")
    charset = parameters.partition("charset=")[2].strip(' "') or "utf-8"
    if content_type.strip() != JSON or charset not in ("utf-8", "utf8"):
        raise RequestError(415, "UNSUPPORTED_MEDIA_TYPE", f"send {JSON} in UTF-8", {"Accept-Post": JSON})
    return _from_json(await _body(request, limit_bytes))


async def _body(request: Request, limit_bytes: int) -> bytes:
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > limit_bytes:
            raise RequestError(413, "TOO_LARGE", f"a body has at most {limit_bytes} bytes")
    return bytes(content)


def _from_query_string(request: Request) -> GraphQLRequest:
    given = dict(request.query_params)
    variables = given.get("variables") or None
    return _checked(
        {
            "query": given.get("query"),
            "variables": None if variables is None else _parse(variables.encode(), "variables"),
            "operationName": given.get("operationName") or None,
        }
    )


def _from_json(content: bytes) -> GraphQLRequest:
    parsed = _parse(content, "the body")
    if not isinstance(parsed, dict):
        raise RequestError(400, "BAD_REQUEST", "the body is not a JSON object")
    return _checked(parsed)


def _parse(content: bytes, what: str) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise RequestError(400, "BAD_REQUEST", f"{what} is not JSON: {error}") from error


def _checked(fields: dict[str, Any]) -> GraphQLRequest:
    query, variables, name = (fields.get(key) for key in ("query", "variables", "operationName"))
    if not isinstance(query, str) or not query:
        raise RequestError(400, "BAD_REQUEST", "query is missing or not a string")
    if variables is not None and not isinstance(variables, dict):
        raise RequestError(400, "BAD_REQUEST", "variables is not an object")
    if name is not None and not isinstance(name, str):
        raise RequestError(400, "BAD_REQUEST", "operationName is not a string")
    if not isinstance(fields.get("extensions"), dict | None):
        raise RequestError(400, "BAD_REQUEST", "extensions is not an object")
    return GraphQLRequest(query, variables, name)


def accepted(header: str | None) -> dict[str, float]:
    """Quality of each media type that we have, by the header's most specific range; all without one."""
    if not header:
        return {GRAPHQL_JSON: 1.0, JSON: 0.5}
    ranges: dict[str, float] = {}
    for part in header.lower().split(","):
        media_range, *parameters = (piece.strip() for piece in part.split(";"))
        quality = next((value[2:] for value in parameters if value.startswith("q=")), "1")
        try:
            ranges[media_range] = float(quality)
        except ValueError as error:
            raise RequestError(400, "BAD_REQUEST", f"Accept has the quality {quality!r}") from error
    return {
        ours: quality
        for ours in (GRAPHQL_JSON, JSON, EVENT_STREAM)
        for quality in [next((ranges[r] for r in (ours, f"{ours.partition('/')[0]}/*", "*/*") if r in ranges), 0)]
        if quality > 0
    }


def media_type(accepted: dict[str, float], operation_type: OperationType) -> str:
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
