"""The ASGI application: its routes, and what lives as long as the process."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from api.access import oidc
from api.access.rate_limit import RateLimiter, address
from api.access.token import ANONYMOUS
from api.error import RequestError
from api.http import cors, method, response
from api.http.endpoint import GraphQLEndpoint, failure
from api.http.readiness import Readiness
from api.http.root_path import route_path
from api.http.trace import Trace
from api.metrics import CONTENT_TYPE, Metrics
from api.operation.context import Context
from api.operation.execution import Execution
from api.operation.trusted_document import TrustedDocuments
from api.schema.build import create_schema
from api.state import follow
from api.state.live import LiveRankings
from api.web import download
from api.web.graphiql import GraphiQL
from api.web.page.pages import Pages
from api.websocket.endpoint import WebSocketEndpoint
from db import tracing
from db.postgres.pool import AWAY, Pool, close, create_pool
from db.rate import Budgets
from db.redis import connect_redis
from db.settings import OFF, Settings
from db.version import VERSION

# In the unit of `api.access.rate_limit`: 83 cities with 42 figures each.
EXPORT_COST = 4_000


class Service:
    """One API process: its clients, its picture of the index, and the doors to it."""

    pool: Pool
    live: LiveRankings

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.tokens = oidc.verifier(settings)
        self._redis = connect_redis(settings)
        budgets = None if settings.rate_limit == OFF else Budgets(settings, self._redis)
        self._rate_limiter = RateLimiter(budgets, settings.most_streams_per_address)
        schema = create_schema()
        # Answers of another version or schema are none of this one's.
        self._release = f"{VERSION} {hashlib.sha256(schema.as_str().encode()).hexdigest()}"
        execution = Execution(schema._schema, settings, self._rate_limiter, self.metrics.plan_failures.inc)
        self.trusted = TrustedDocuments(settings, execution.memory)
        self.http = GraphQLEndpoint(execution, settings, self.trusted, self._rate_limiter, self._new_context)
        self.pages = Pages(execution, self._rate_limiter, self._new_context, has_graphiql=settings.graphiql)
        self._websocket = WebSocketEndpoint(schema, execution, settings, self.trusted, self._new_context)

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Connect, follow the rankings, disconnect; needs Postgres at the start, Redis never."""
        assert self.settings.database_url is not None
        tracing.start(self.settings, "api")
        self.pool = await create_pool(self.settings.database_url, self.settings, "api")
        self.live = LiveRankings(self.pool, self.settings)
        await self.live.refresh()
        self.http.live = self.live
        self._readiness = Readiness(self.live, self.settings)
        following = asyncio.create_task(follow.follow(self.live, self._redis, self.settings))
        try:
            yield
        finally:
            following.cancel()
            self._readiness.close()
            await asyncio.gather(following, return_exceptions=True)
            await self._redis.aclose()
            await close(self.pool)
            tracing.stop()

    async def websocket(self, socket: WebSocket) -> None:
        try:
            with self._rate_limiter.streaming(address(socket.scope)), self.metrics.open_sockets.track_inprogress():
                await self._websocket.run(socket)
        except RequestError as error:
            await socket.send_denial_response(response.refusal(error))

    async def export(self, request: Request) -> Response:
        try:
            await self._rate_limiter.charge(ANONYMOUS, address(request.scope), EXPORT_COST)
            return await download.export(request, self._new_context(request.scope))
        except RequestError as error:
            return PlainTextResponse(f"{error}\n", error.status, error.headers)
        except AWAY:
            return PlainTextResponse("postgres does not answer\n", 503)

    async def healthz(self, _: Request) -> Response:
        """200 while the process answers at all."""
        return PlainTextResponse(f"healthy, version {VERSION}\n")

    async def readyz(self, _: Request) -> Response:
        """200 once Postgres answers and every edition that has scores has a ranking; says what is missing."""
        is_ready, missing = await self._readiness.report()
        text = "\n".join(["ready" if is_ready else "not ready", *missing])
        return PlainTextResponse(f"{text}\n", 200 if is_ready else 503)

    async def show_metrics(self, _: Request) -> Response:
        return Response(self.metrics.render(self.live), headers={"Content-Type": CONTENT_TYPE})

    def _new_context(self, scope: Scope) -> Context:
        return Context(self.pool, self.live, self.tokens, address(scope), self._release)


def create_app(service: Service) -> ASGIApp:
    """The routes of one process, traced from outside: the answer to a bug of ours names its trace too."""
    settings = service.settings
    routes: list[BaseRoute] = [
        WebSocketRoute("/graphql", service.websocket),
        Route("/export/{edition}.{form}", service.export),
        Route("/healthz", service.healthz),
        Route("/readyz", service.readyz),
        Route("/metrics", service.show_metrics),
    ]
    if settings.graphiql:
        routes.append(Mount("/graphiql", GraphiQL()))
    routes += service.pages.routes()
    app = Starlette(
        routes=routes,
        exception_handlers={405: method.not_routed, Exception: failure},
        lifespan=service.lifespan,
    )

    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        # Past Starlette, which takes as long to find a route as we to answer what was answered before.
        if scope["type"] == "http" and route_path(scope) == "/graphql":
            await service.http(scope, receive, send)
        else:
            await app(scope, receive, send)

    traced = Trace(route, service.metrics)
    return cors.allowing(traced, settings.allowed_origins) if settings.allowed_origins else traced
