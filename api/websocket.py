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
from strawberry.types.unset import UnsetType

from api import auth
from api.context import Context
from db.settings import Settings

INIT_TIMEOUT = timedelta(seconds=10)


class WebSocketEndpoint(GraphQL[Context, None]):
    """One context a connection; the bearer token comes with `connection_init`."""

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
