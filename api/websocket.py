"""GraphQL over WebSocket: the `graphql-transport-ws` protocol, by Strawberry."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta

import orjson
import strawberry
from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketState
from strawberry.asgi import ASGIWebSocketAdapter, GraphQL
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler, Operation
from strawberry.subscriptions.protocols.graphql_transport_ws.types import ConnectionInitMessage, Message
from strawberry.types.unset import UnsetType

from api import auth
from api.context import Context
from api.expiry import expired
from api.request import GraphQLRequest, RequestError
from db.settings import Settings

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

    async def close(self, code: int, reason: str) -> None:
        if self._is_open():
            await super().close(code, reason.encode()[:REASON_BYTES].decode(errors="ignore"))

    def _is_open(self) -> bool:
        return self.ws.application_state is WebSocketState.CONNECTED


class Handler(BaseGraphQLTransportWSHandler[Context, None]):
    """Closes the socket on a message that is not of the protocol's form, which Strawberry takes on trust."""

    _expiring: asyncio.Task[None] | None = None

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        """Take the token; clients never come back from 4401, and do from 4403 and 1013, asking for a newer token."""
        try:
            await super().handle_connection_init(message)
        except auth.ExpiredError:
            await self.websocket.close(code=4403, reason="Forbidden")
        except auth.TokenError:
            await self.websocket.close(code=4401, reason="Unauthorized")
        except auth.UnverifiableError:
            await self.websocket.close(code=1013, reason="Try again later")
        else:
            self._expiring = self._expiring or asyncio.create_task(self._close_when_expired())

    async def shutdown(self) -> None:
        if self._expiring is not None:
            self._expiring.cancel()
        await super().shutdown()

    async def _close_when_expired(self) -> None:
        await expired(self.context.viewer)
        await self.websocket.close(code=4403, reason="Forbidden")

    async def handle_message(self, message: Message) -> None:
        if not _is_well_formed(message):
            await self.handle_invalid_message("Message is not of the protocol")
        elif message["type"] == "connection_init" and message.get("payload") is None:
            await super().handle_message({"type": "connection_init"})  # null is as good as none
        else:
            await super().handle_message(message)

    async def run_operation(self, operation: Operation[Context, None]) -> None:
        """Run it unless the token has expired since the socket was opened, or the document leaves open what to run.

        Of several operations Strawberry would take the first.
        """
        assert isinstance(self.view, WebSocketEndpoint)
        asked = GraphQLRequest(operation.query, operation.variables, operation.operation_name)
        try:
            self.context.viewer = await _viewer(self.context)
            asked.operation_type(self.view.document_token_limit)
        except auth.TokenError:
            await self.websocket.close(code=4403, reason="Forbidden")
        except auth.UnverifiableError:
            await self.websocket.close(code=1013, reason="Try again later")
        except RequestError as error:
            await operation.send_initial_errors([GraphQLError(str(error), extensions={"code": error.code})])
        else:
            watching = asyncio.create_task(self._break_off())
            try:
                await super().run_operation(operation)
            finally:
                watching.cancel()

    async def _break_off(self) -> None:
        """Close the socket with a code that clients come back from, once a stream on it cannot go on."""
        await self.context.broken.wait()
        await self.websocket.close(code=1013, reason="Try again later")

    @staticmethod
    def _get_pre_execution_close_reason(error: GraphQLError) -> str | None:  # noqa: ARG004 - Strawberry's signature
        """None: one document's syntax error must not end the other operations of the socket."""
        return None


async def _viewer(context: Context) -> auth.Viewer:
    """Who the token of `connectionParams` speaks for, or a reader without one; TokenError for a bad one."""
    header = context.connection_params.get("Authorization", context.connection_params.get("authorization"))
    return auth.ANONYMOUS if header is None else await auth.viewer(str(header), context.tokens)


def _is_well_formed(message: object) -> bool:
    match message:
        case {"type": "subscribe", "id": str(), "payload": {"query": str(query)} as payload}:
            variables, name = payload.get("variables"), payload.get("operationName")
            return bool(query) and isinstance(variables, dict | None) and isinstance(name, str | None)
        case {"type": "subscribe"}:
            return False
        case {"type": "complete", "id": found}:
            return isinstance(found, str)
        case {"type": str()}:
            return True
    return False


class WebSocketEndpoint(GraphQL[Context, None]):
    """One context a connection; the bearer token comes with `connection_init`."""

    graphql_transport_ws_handler_class = Handler
    websocket_adapter_class = Adapter

    def __init__(self, schema: strawberry.Schema, settings: Settings, new_context: Callable[[], Context]) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            connection_init_wait_timeout=INIT_TIMEOUT,
            allowed_origins=settings.allowed_origins,
        )
        self.document_token_limit = settings.document_token_limit
        self._new_context = new_context

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:  # noqa: ARG002 - Strawberry's signature
        return self._new_context()

    async def on_ws_connect(self, context: Context) -> UnsetType:
        """Take the token of `connectionParams`; none makes a reader. The handler closes the socket for a bad one."""
        context.viewer = await _viewer(context)
        return UnsetType()

    def decode_json(self, data: str | bytes) -> object:
        return orjson.loads(data)

    def encode_json(self, data: object) -> str:
        """Text: a binary frame closes graphql-ws clients for good."""
        return orjson.dumps(data).decode()
