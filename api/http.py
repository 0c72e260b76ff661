"""GraphQL over HTTP: reading a request, choosing the form of its answer, and the status that goes with it.

Follows the GraphQL-over-HTTP draft, with 400 for documents that do not validate.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import orjson
import strawberry
from graphql import GraphQLError, OperationType, get_operation_ast, parse
from starlette.requests import Request
from starlette.responses import Response
from strawberry.types.execution import ExecutionResult

from api import auth, cache, sse
from api.context import Context
from db import telemetry
from db.settings import Settings

GRAPHQL_JSON = "application/graphql-response+json"
JSON = "application/json"
EVENT_STREAM = "text/event-stream"
VARY = "Accept, Authorization"
# Whoever keeps an answer asks each time whether it is still the newest.
CACHING = {"Cache-Control": "no-cache", "Vary": VARY}


log = telemetry.logger(__name__)


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


class GraphQLEndpoint:
    """Answers POST and GET; a subscription is answered with server-sent events."""

    def __init__(self, schema: strawberry.Schema, settings: Settings) -> None:
        self.schema = schema
        self.settings = settings
        self.answers = cache.AnswerCache(settings.response_cache_mb)

    async def __call__(self, request: Request, context: Context, stopping: asyncio.Event) -> Response:
        try:
            accepted = _accepted(request.headers.get("accept"))
            context.viewer = _viewer(request, context.tokens)
            asked = await _read(request, self.settings.body_limit_bytes)
            key = _key(asked, context)
            if (kept := self._kept(request, key, accepted)) is not None:
                return kept
            operation_type = asked.operation_type(self.settings.document_token_limit)
            if request.method == "GET" and operation_type is OperationType.MUTATION:
                message = "mutations are sent by POST"
                raise RequestError(405, "METHOD_NOT_ALLOWED", message, {"Allow": "POST"})
            media_type = _media_type(accepted, operation_type)
        except RequestError as error:
            return _refusal(error)
        if media_type == EVENT_STREAM:
            return sse.response(self._stream(asked, context), stopping, self.settings.heartbeat_seconds)
        if operation_type is OperationType.MUTATION:
            return _answer(await self._execute(asked, context), media_type)
        return await self._query(asked, context, key, media_type)

    def _kept(self, request: Request, key: str, accepted: dict[str, float]) -> Response | None:
        """The answer to a query that was answered before: nothing of it is parsed again.

        Only a pure answer ever carried its key as an entity tag, so who still has that tag has the answer.
        """
        media_type = _media_type(accepted, OperationType.QUERY)
        if media_type == EVENT_STREAM:
            return None
        tag = f'"{key}"'
        if request.method == "GET" and tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers={"ETag": tag, **CACHING})
        body = self.answers.get(key)
        return None if body is None else _body_response(body, media_type, key)

    async def _query(self, asked: GraphQLRequest, context: Context, key: str, media_type: str) -> Response:
        failed: ExecutionResult | None = None

        async def execute() -> cache.Answer:
            nonlocal failed
            result = await self._execute(asked, context)
            if result.errors:
                failed = result
            return cache.Answer(orjson.dumps(body(result)), context.is_pure and not result.errors)

        answer = await self.answers.compute(key, execute)
        if failed is not None:
            return _answer(failed, media_type)
        return _body_response(answer.body, media_type, key if answer.is_pure else None)

    async def _stream(self, asked: GraphQLRequest, context: Context) -> AsyncGenerator[dict[str, Any]]:
        results = await self.schema.stream(
            asked.query, asked.variables, context_value=context, operation_name=asked.operation_name
        )
        async with aclosing(results):
            async for result in results:
                assert isinstance(result, ExecutionResult), "incremental delivery is off"
                yield body(result)

    async def _execute(self, asked: GraphQLRequest, context: Context) -> ExecutionResult:
        try:
            async with asyncio.timeout(self.settings.request_timeout_seconds):
                return await self.schema.execute(
                    asked.query, asked.variables, context_value=context, operation_name=asked.operation_name
                )
        except TimeoutError:
            message = f"took longer than {self.settings.request_timeout_seconds:g} seconds"
            error = GraphQLError(message, extensions={"code": "TIMEOUT"})
            return ExecutionResult(data=None, errors=[error])


def body(result: ExecutionResult) -> dict[str, Any]:
    """A result as the JSON object that clients read."""
    answer: dict[str, Any] = {} if _is_refused(result) else {"data": result.data}
    if result.errors:
        answer["errors"] = [error.formatted for error in result.errors]
    if result.extensions:
        answer["extensions"] = result.extensions
    return answer


def _is_refused(result: ExecutionResult) -> bool:
    """Whether nothing was executed: the document or its variables are wrong, so no error has a path."""
    return result.data is None and all(error.path is None for error in result.errors or ())


def _answer(result: ExecutionResult, media_type: str) -> Response:
    """Only the newer media type carries a status of its own; 200 is all that older clients read."""
    failed = _is_refused(result) and media_type == GRAPHQL_JSON
    return Response(
        orjson.dumps(body(result)),
        status_code=400 if failed else 200,
        headers={"Content-Type": f"{media_type}; charset=utf-8", "Vary": VARY},
    )


def _body_response(content: bytes, media_type: str, key: str | None) -> Response:
    """An answer without errors; *key* is its entity tag when it may be kept."""
    headers = {"Content-Type": f"{media_type}; charset=utf-8", "Vary": VARY}
    if key is not None:
        headers |= {"ETag": f'"{key}"', **CACHING}
    return Response(content, headers=headers)


def _key(asked: GraphQLRequest, context: Context) -> str:
    """Of everything that the answer to a query from memory depends on."""
    index = context.index
    return cache.key(
        asked.query, asked.variables, asked.operation_name, index.newest, index.version, context.viewer.role
    )


def failure(_: Request, error: Exception) -> Response:
    """The answer to a request that met a bug of ours."""
    log.error("request failed", exc_info=error)
    message = f"Internal error; its trace id is {telemetry.trace_id()}"
    return _refusal(RequestError(500, "INTERNAL", message))


def _refusal(error: RequestError) -> Response:
    content = {"errors": [{"message": str(error), "extensions": {"code": error.code}}]}
    return Response(
        orjson.dumps(content),
        status_code=error.status,
        headers={"Content-Type": f"{GRAPHQL_JSON}; charset=utf-8", **error.headers},
    )


def _viewer(request: Request, tokens: auth.Tokens) -> auth.Viewer:
    header = request.headers.get("authorization")
    if header is None:
        return auth.ANONYMOUS
    try:
        return auth.viewer(header, tokens)
    except auth.TokenError as error:
        raise RequestError(401, "UNAUTHENTICATED", str(error), {"WWW-Authenticate": "Bearer"}) from error


async def _read(request: Request, limit_bytes: int) -> GraphQLRequest:
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


def _accepted(header: str | None) -> dict[str, float]:
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


def _media_type(accepted: dict[str, float], operation_type: OperationType) -> str:
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
