"""GraphQL over WebSocket: the `graphql-transport-ws` protocol, by Strawberry."""

from collections.abc import Callable
from datetime import timedelta

import orjson
import strawberry
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler
from strawberry.subscriptions.protocols.graphql_transport_ws.types import Message
from strawberry.types.unset import UnsetType

from api import auth
from api.context import Context
from db.settings import Settings

INIT_TIMEOUT = timedelta(seconds=10)


class Handler(BaseGraphQLTransportWSHandler[Context, None]):
    """Closes the socket on a message that is not of the protocol's form, which Strawberry takes on trust."""

    async def handle_message(self, message: Message) -> None:
        if _is_well_formed(message):
            await super().handle_message(message)
        else:
            await self.handle_invalid_message("Message is not of the protocol")


def _is_well_formed(message: object) -> bool:
    match message:
        case {"type": "subscribe", "id": str(), "payload": {"query": str()} as payload}:
            variables, name = payload.get("variables"), payload.get("operationName")
            return isinstance(variables, dict | None) and isinstance(name, str | None)
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

    def __init__(self, schema: strawberry.Schema, settings: Settings, new_context: Callable[[], Context]) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            connection_init_wait_timeout=INIT_TIMEOUT,
            allowed_origins=settings.allowed_origins,
        )
        self._new_context = new_context

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:  # noqa: ARG002 - Strawberry's signature
        return self._new_context()

    async def on_ws_connect(self, context: Context) -> UnsetType:
        """Take the token of `connectionParams`; a bad one closes the socket, none makes a reader."""
        header = context.connection_params.get("Authorization", context.connection_params.get("authorization"))
        if header is not None:
            try:
                context.viewer = auth.viewer(str(header), context.tokens)
            except auth.TokenError as error:
                raise ConnectionRejectionError from error
        return UnsetType()

    def decode_json(self, data: str | bytes) -> object:
        return orjson.loads(data)

    def encode_json(self, data: object) -> str:
        """Text: a binary frame closes graphql-ws clients for good."""
        return orjson.dumps(data).decode()
