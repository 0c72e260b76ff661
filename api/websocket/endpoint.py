"""GraphQL over WebSocket: the `graphql-transport-ws` protocol, by Strawberry."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import aclosing, suppress
from datetime import timedelta
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState
from strawberry import Schema
from strawberry.asgi import ASGIWebSocketAdapter, GraphQL
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler, Operation
from strawberry.subscriptions.protocols.graphql_transport_ws.types import ConnectionInitMessage
from strawberry.types.unset import UnsetType

from api.access.expiry import expired
from api.access.token import ANONYMOUS, ExpiredError, TokenError, UnverifiableError, Viewer, viewer_of_header
from api.error import DocumentError, RequestError, masked
from api.operation.context import Context
from api.operation.execution import Execution
from api.operation.request import GraphQLRequest
from api.operation.trusted_document import TrustedDocuments, document_id
from api.websocket import lifetime
from db import telemetry
from db.settings import Settings

log = telemetry.logger(__name__)

MOST_OPERATIONS = 100
INIT_TIMEOUT = timedelta(seconds=10)
# A WebSocket's control frame holds 125 bytes, two of them the code.
REASON_BYTES = 123


class Adapter(ASGIWebSocketAdapter):
    """Cuts the reason of a close, which quotes the client at any length: the server fails on a longer one.

    The first close is the last message: what other operations of the socket still send goes nowhere.
    """

    async def send_json(self, message: Mapping[str, object]) -> None:
        if self._is_open():
            await super().send_json(message)

    async def send_text(self, text: str) -> None:
        if self._is_open():
            with suppress(WebSocketDisconnect):
                await self.ws.send_text(text)

    async def close(self, code: int, reason: str) -> None:
        if self._is_open():
            await super().close(code, reason.encode()[:REASON_BYTES].decode(errors="ignore"))

    def _is_open(self) -> bool:
        return self.ws.application_state is WebSocketState.CONNECTED


class Handler(BaseGraphQLTransportWSHandler[Context, None]):
    """Takes Strawberry's protocol, and leaves what operations do to `api.operation.execution`."""

    view: "WebSocketEndpoint"
    websocket: Adapter
    _expiring: asyncio.Task[None] | None = None
    _ending: asyncio.Task[None] | None = None
    _is_used = False

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        """Take the token; clients never come back from 4401, and do from 4403 and 1013, asking for a newer token."""
        try:
            await super().handle_connection_init(message)
        except ExpiredError:
            await self.websocket.close(code=4403, reason="Forbidden")
        except TokenError:
            await self.websocket.close(code=4401, reason="Unauthorized")
        except UnverifiableError:
            await self.websocket.close(code=1013, reason="Try again later")
        else:
            self._expiring = self._expiring or asyncio.create_task(self._close_when_expired())
            self._ending = self._ending or asyncio.create_task(self._close_in_time())

    async def shutdown(self) -> None:
        for task in (self._expiring, self._ending):
            if task is not None:
                task.cancel()
        await super().shutdown()

    async def _close_when_expired(self) -> None:
        await expired(self.context.bearer)
        await self.websocket.close(code=4403, reason="Forbidden")

    async def _close_in_time(self) -> None:
        settings = self.view.settings

        def is_used() -> bool:
            used, self._is_used = self._is_used or bool(self.operations), False
            return used

        code, reason = await lifetime.ended(is_used, settings.idle_seconds, settings.stream_life_seconds)
        await self.websocket.close(code=code, reason=reason)

    async def handle_message(self, message: Any) -> None:
        """Close the socket on a message that is not of the protocol's form, which Strawberry takes on trust."""
        if not _is_well_formed(message):
            await self.handle_invalid_message("Message is not of the protocol")
        elif message["type"] == "connection_init" and message.get("payload") is None:
            await super().handle_message({"type": "connection_init"})  # null is as good as none
        else:
            await super().handle_message(message)

    async def handle_subscribe(self, message: Any) -> None:
        """Find the document of an operation that names it by its id."""
        self._is_used = True
        if self.connection_acknowledged:
            try:
                if len(self.operations) >= MOST_OPERATIONS:
                    raise RequestError(429, "TOO_MANY_OPERATIONS", f"a socket has at most {MOST_OPERATIONS} operations")
                query = self.view.trusted.text(message["payload"])
            except (RequestError, DocumentError) as error:
                await self.send_message({"id": message["id"], "type": "error", "payload": _formatted(error)})
                return
            message = {**message, "payload": {**message["payload"], "query": query}}
        await super().handle_subscribe(message)

    async def run_operation(self, operation: Operation[Context, None]) -> None:
        """Execute it unless the token has expired since the socket was opened."""
        context, execution = self.context, self.view.execution
        asked = GraphQLRequest(operation.query, operation.variables, operation.operation_name)
        watching = asyncio.create_task(self._break_off())
        try:
            context.bearer = await _viewer(context)
            admitted = await execution.admit(asked, context)
            async with aclosing(execution.stream(admitted, asked, context)) as answers:
                async for answer in answers:
                    await self._send_next(operation, answer)
            await operation.send_operation_message({"id": operation.id, "type": "complete"})
        except TokenError:
            await self.websocket.close(code=4403, reason="Forbidden")
        except UnverifiableError:
            await self.websocket.close(code=1013, reason="Try again later")
        except (RequestError, DocumentError) as error:
            message: Any = {"id": operation.id, "type": "error", "payload": _formatted(error)}
            await operation.send_operation_message(message)
        except Exception:
            log.exception("an operation failed")
            context.broken.set()
            await watching
        finally:
            watching.cancel()

    async def _send_next(self, operation: Operation[Context, None], answer: bytes) -> None:
        """As text: a binary frame closes graphql-ws clients for good."""
        if not operation.completed:
            id_ = orjson.dumps(operation.id).decode()
            await self.websocket.send_text(f'{{"id":{id_},"type":"next","payload":{answer.decode()}}}')

    async def _break_off(self) -> None:
        """Close the socket with a code that clients come back from, once a stream on it cannot go on."""
        await self.context.broken.wait()
        await self.websocket.close(code=1013, reason="Try again later")


def _formatted(error: RequestError | DocumentError) -> list[Any]:
    if isinstance(error, RequestError):
        return [error.formatted]
    return [masked(each).formatted for each in error.errors]


async def _viewer(context: Context) -> Viewer:
    """Who the token of `connectionParams` speaks for, or a reader without one; TokenError for a bad one."""
    header = context.connection_params.get("Authorization", context.connection_params.get("authorization"))
    return ANONYMOUS if header is None else await viewer_of_header(str(header), context.tokens)


def _is_well_formed(message: object) -> bool:
    match message:
        case {"type": "subscribe", "id": str(), "payload": dict(payload)}:
            query, variables, name = (payload.get(key) for key in ("query", "variables", "operationName"))
            is_named = query is None and _is_named(payload)
            is_asked = is_named or (isinstance(query, str) and bool(query))
            return is_asked and isinstance(variables, dict | None) and isinstance(name, str | None)
        case {"type": "subscribe"}:
            return False
        case {"type": "complete", "id": found}:
            return isinstance(found, str)
        case {"type": str()}:
            return True
    return False


def _is_named(payload: dict[str, Any]) -> bool:
    try:
        return document_id(payload) is not None
    except RequestError:
        return False


class WebSocketEndpoint(GraphQL[Context, None]):
    """One context a connection; the bearer token comes with `connection_init`."""

    graphql_transport_ws_handler_class = Handler
    websocket_adapter_class = Adapter

    def __init__(
        self,
        schema: Schema,
        execution: Execution,
        settings: Settings,
        trusted: TrustedDocuments,
        new_context: Callable[[Scope], Context],
    ) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            connection_init_wait_timeout=INIT_TIMEOUT,
            allowed_origins=settings.allowed_origins,
        )
        self.execution = execution
        self.settings = settings
        self.trusted = trusted
        self._new_context = new_context

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:  # noqa: ARG002 - Strawberry's signature
        return self._new_context(request.scope)

    async def on_ws_connect(self, context: Context) -> UnsetType:
        """Take the token of `connectionParams`; none makes a reader. The handler closes the socket for a bad one."""
        context.bearer = await _viewer(context)
        return UnsetType()

    def decode_json(self, data: str | bytes) -> object:
        return orjson.loads(data)

    def encode_json(self, data: object) -> str:
        """Text: a binary frame closes graphql-ws clients for good."""
        return orjson.dumps(data).decode()
