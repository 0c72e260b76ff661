"""GraphQL over HTTP: from a request to its answer.

Follows the GraphQL-over-HTTP draft as the audits of graphql-http read it: 400 for documents that do not validate,
`application/json` for clients that take anything.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial

from graphql import ExecutionResult, OperationType
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from api.access.expiry import expired
from api.access.rate_limit import RateLimiter
from api.access.token import ANONYMOUS, TokenError, UnverifiableError, Verifier, Viewer, viewer_of_header
from api.error import DocumentError, RequestError
from api.http import condition, method, response, sse
from api.http import request as requests
from api.http.disconnect import unless_disconnected
from api.http.fingerprint import COST_HEADER, PARSED_BYTES, Fingerprint, ParsedRequest, of_request
from api.http.request import EVENT_STREAM
from api.operation.answer_cache import Answer
from api.operation.context import Context
from api.operation.document import Operation
from api.operation.execution import Execution, Unfinished, json, refused, traced
from api.operation.memory import Store
from api.operation.sharing import may_share
from api.operation.trusted_document import TrustedDocuments
from api.state.live import LiveRankings
from db import telemetry
from db.settings import Settings

log = telemetry.logger(__name__)


class GraphQLEndpoint:
    """Answers POST and GET; a subscription is answered with server-sent events. `live` is set at the start."""

    def __init__(
        self,
        execution: Execution,
        settings: Settings,
        trusted: TrustedDocuments,
        rate_limiter: RateLimiter,
        new_context: Callable[[Scope], Context],
    ) -> None:
        self.execution = execution
        self.settings = settings
        self.trusted = trusted
        self.stopping = asyncio.Event()
        self.live: LiveRankings | None = None
        self.answers = execution.answers
        self._rate_limiter = rate_limiter
        self._new_context = new_context
        # By the bytes of a request that came before, so that it is not parsed again.
        self._parsed: Store[Fingerprint, ParsedRequest] = execution.memory.store("requests")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await requests.content(receive, self._body_limit_bytes(scope))
        except RequestError as error:
            await response.refusal(error)(scope, receive, send)
            return
        except ClientDisconnect:
            return
        fingerprint = None if self.live is None else of_request(self.live, scope, body)
        parsed = None if fingerprint is None else self._parsed.get(fingerprint)
        if parsed is not None and parsed.head and (answer := self.answers.get(parsed.key)) is not None:
            await send({"type": "http.response.start", "status": 200, "headers": parsed.head})
            await send({"type": "http.response.body", "body": answer.body})
            return
        request, context = Request(scope, receive), self._new_context(scope)
        reply: Response | None
        is_new = parsed is None
        try:
            if parsed is None:
                parsed, reply = await self._answer(request, body, context)
            else:
                operation = await self.execution.admit(parsed.asked, context)
                reply = await self._query(request, operation, parsed, context)
        except RequestError as error:
            reply = response.refusal(error)
        except Exception as error:
            reply = failure(request, error)
        if reply is None:
            return
        if isinstance(reply, StreamingResponse):
            await self._stream(reply, context.address, scope, receive, send)
            return
        if parsed is not None and fingerprint is not None and reply.status_code == 200:
            kept = self.answers.get(parsed.key)
            # The head of an answer that was not kept would be sent with the body of another.
            parsed.head = reply.raw_headers if kept is not None and kept.body == reply.body else []
            if is_new:
                self._parsed.keep(fingerprint, parsed, PARSED_BYTES + 5 * len(body))
        await reply(scope, receive, send)

    def _body_limit_bytes(self, scope: Scope) -> int:
        """More for a request with a token, which is verified before the body is parsed."""
        has_token = any(name == b"authorization" for name, _ in scope["headers"])
        return self.settings.body_limit_bytes if has_token else self.settings.reader_body_limit_bytes

    async def _stream(
        self, events: StreamingResponse, address: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        try:
            with self._rate_limiter.streaming(address):
                await events(scope, receive, send)
        except RequestError as error:
            await response.refusal(error)(scope, receive, send)

    async def _answer(
        self, request: Request, body: bytes, context: Context
    ) -> tuple[ParsedRequest | None, Response | None]:
        """The answer, with what a query was parsed to; no answer to a client that has disconnected."""
        if request.method == "OPTIONS":
            return None, method.options()
        accepted = requests.accepted(request.headers.get("accept"))
        try:
            context.bearer = await _viewer(request, context.tokens)
            context.reports_cost = request.headers.get(COST_HEADER) == "report"
            asked = requests.read(request, body, self.trusted.text)
            key = context.key(asked)
            kept = None if context.reports_cost else self._from_memory(request, key, accepted, context)
            if kept is not None:
                return ParsedRequest(asked, key, requests.media_type(accepted, OperationType.QUERY)), kept
            operation = await self.execution.admit(asked, context)
        except DocumentError as error:
            media_type = requests.media_type(accepted, OperationType.QUERY)
            is_stream = media_type == EVENT_STREAM
            return None, sse.refusal(error) if is_stream else response.executed(refused(error), media_type)
        kind = operation.node.operation
        if request.method == "GET" and kind is OperationType.MUTATION:
            raise RequestError(405, "METHOD_NOT_ALLOWED", "mutations are sent by POST", {"Allow": "POST"})
        media_type = requests.media_type(accepted, kind)
        if media_type == EVENT_STREAM:
            answers = self.execution.stream(operation, asked, context)
            life = partial(asyncio.sleep, self.settings.stream_life_seconds)
            breaking = (self.stopping.wait, context.broken.wait, lambda: expired(context.bearer), life)
            return None, sse.response(answers, breaking, self.settings.heartbeat_seconds)
        if kind is OperationType.MUTATION:
            result = await self.execution.answer(operation, asked, context)
            return None, response.executed(result, media_type, context.notes(), context.budget)
        parsed = ParsedRequest(asked, key, media_type)
        return parsed, await self._query(request, operation, parsed, context)

    def _from_memory(
        self, request: Request, key: str, accepted: Mapping[str, float], context: Context
    ) -> Response | None:
        """The answer to a query that was answered before; its document is not parsed again.

        A client that names the entity tag has the answer, even where it is not kept here any more: only answers that
        depend on nothing but their key were ever sent with a tag.
        """
        media_type = requests.media_type(accepted, OperationType.QUERY)
        if media_type == EVENT_STREAM or context.is_stale:
            return None
        answer, tag = self.answers.get(key), response.entity_tag(key, media_type)
        headers = request.headers.getlist("if-none-match") if request.method == "GET" else []
        is_kept = answer is not None or not condition.takes_any_copy(headers)
        if is_kept and condition.has_copy(headers, tag):
            return response.not_modified(answer, tag, is_anonymous=context.is_anonymous)
        return None if answer is None else response.computed(answer, media_type, key, is_anonymous=context.is_anonymous)

    async def _query(
        self, request: Request, operation: Operation, parsed: ParsedRequest, context: Context
    ) -> Response | None:
        """The answer to a query; None for a client that has disconnected.

        A query that has to wait is executed once for all clients that send it meanwhile.
        """
        unfinished: Unfinished | None = None
        if not self.answers.is_computing(parsed.key):
            result = self.execution.begin(operation, parsed.asked, context)
            if isinstance(result, ExecutionResult):
                answer = _answer(result, context)
                self.answers.keep(parsed.key, answer)
                return _response(request, answer, result, parsed, context)
            unfinished = result
        try:
            with traced(operation):
                return await unless_disconnected(request, self._share(request, unfinished, operation, parsed, context))
        finally:
            if unfinished is not None:
                unfinished.close()

    async def _share(
        self,
        request: Request,
        unfinished: Unfinished | None,
        operation: Operation,
        parsed: ParsedRequest,
        context: Context,
    ) -> Response:
        result: ExecutionResult | None = None

        async def execute() -> Answer:
            nonlocal result
            if unfinished is not None and unfinished.is_open:
                result = await unfinished.finish()
            else:
                result = await self.execution.answer(operation, parsed.asked, context)
            return _answer(result, context)

        answer = await (execute() if context.reports_cost else self.answers.compute(parsed.key, execute))
        return _response(request, answer, result, parsed, context)


def _answer(result: ExecutionResult, context: Context) -> Answer:
    return Answer(json(result, context.notes()), may_share(result, context), context.caching)


def _response(
    request: Request, answer: Answer, result: ExecutionResult | None, parsed: ParsedRequest, context: Context
) -> Response:
    """*result* is None when the query was executed for another client, whose answer had no errors."""
    if result is not None and result.errors:
        return response.executed(result, parsed.media_type, context.notes())
    is_get = request.method == "GET" and answer.is_pure
    if is_get and condition.takes_any_copy(request.headers.getlist("if-none-match")):
        tag = response.entity_tag(parsed.key, parsed.media_type)
        return response.not_modified(answer, tag, is_anonymous=context.is_anonymous)
    return response.computed(answer, parsed.media_type, parsed.key, is_anonymous=context.is_anonymous)


def failure(_: Request, error: Exception) -> Response:
    """The answer to a request that met a bug of ours."""
    log.error("request failed", exc_info=error)
    message = f"Internal error; its trace id is {telemetry.trace_id()}"
    return response.refusal(RequestError(500, "INTERNAL", message))


async def _viewer(request: Request, tokens: Verifier) -> Viewer:
    header = request.headers.get("authorization")
    if header is None:
        return ANONYMOUS
    try:
        return await viewer_of_header(header, tokens)
    except TokenError as error:
        raise RequestError(401, "UNAUTHENTICATED", str(error), {"WWW-Authenticate": "Bearer"}) from error
    except UnverifiableError as error:
        raise RequestError(503, "UNAVAILABLE", str(error), {"Retry-After": "5"}) from error
