"""GraphQL over HTTP: reading a request, choosing the form of its answer, and the status that goes with it.

Follows the GraphQL-over-HTTP draft, with 400 for documents that do not validate.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import orjson
import strawberry
from graphql import GraphQLError, OperationType
from starlette.requests import Request
from starlette.responses import Response
from strawberry.types.execution import ExecutionResult

from api import auth, cache, sse
from api import request as requests
from api.context import Context
from api.expiry import expired
from api.request import EVENT_STREAM, GRAPHQL_JSON, GraphQLRequest, RequestError
from db import telemetry
from db.settings import Settings

VARY = "Accept, Authorization"
# Whoever keeps an answer asks each time whether it is still the newest.
CACHING = {"Cache-Control": "no-cache", "Vary": VARY}


log = telemetry.logger(__name__)


class GraphQLEndpoint:
    """Answers POST and GET; a subscription is answered with server-sent events."""

    def __init__(self, schema: strawberry.Schema, settings: Settings) -> None:
        self.schema = schema
        self.settings = settings
        self.answers = cache.AnswerCache(settings.response_cache_mb)

    async def __call__(self, request: Request, context: Context, stopping: asyncio.Event) -> Response:
        try:
            accepted = requests.accepted(request.headers.get("accept"))
            context.viewer = await _viewer(request, context.tokens)
            asked = await requests.read(request, self.settings.body_limit_bytes)
            key = _key(asked, context)
            if not context.index.is_stale and (kept := self._kept(request, key, accepted)) is not None:
                return kept
            operation_type = asked.operation_type(self.settings.document_token_limit)
            if request.method == "GET" and operation_type is OperationType.MUTATION:
                message = "mutations are sent by POST"
                raise RequestError(405, "METHOD_NOT_ALLOWED", message, {"Allow": "POST"})
            media_type = requests.media_type(accepted, operation_type)
        except RequestError as error:
            return _refusal(error)
        if media_type == EVENT_STREAM:
            breaking = (stopping.wait, context.broken.wait, lambda: expired(context.viewer))
            return sse.response(self._stream(asked, context), breaking, self.settings.heartbeat_seconds)
        if operation_type is OperationType.MUTATION:
            return _answer(await self._execute(asked, context), media_type)
        return await self._query(asked, context, key, media_type)

    def _kept(self, request: Request, key: str, accepted: dict[str, float]) -> Response | None:
        """The answer to a query that was answered before: nothing of it is parsed again.

        Only a pure answer ever carried its key as an entity tag, so who still has that tag has the answer.
        """
        media_type = requests.media_type(accepted, OperationType.QUERY)
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
            return cache.Answer(
                orjson.dumps(body(result)), context.is_pure and not result.errors and not result.extensions
            )

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
    try:
        return cache.key(
            asked.query, asked.variables, asked.operation_name, index.newest, index.version, context.viewer.role
        )
    except orjson.JSONEncodeError as error:
        # orjson reads 1024 levels and writes 254.
        raise RequestError(400, "BAD_REQUEST", "variables are nested too deeply") from error


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


async def _viewer(request: Request, tokens: auth.Verifier) -> auth.Viewer:
    header = request.headers.get("authorization")
    if header is None:
        return auth.ANONYMOUS
    try:
        return await auth.viewer(header, tokens)
    except auth.TokenError as error:
        raise RequestError(401, "UNAUTHENTICATED", str(error), {"WWW-Authenticate": "Bearer"}) from error
    except auth.UnverifiableError as error:
        raise RequestError(503, "UNAVAILABLE", str(error), {"Retry-After": "5"}) from error
