"""Around every request: its trace id in logs and answer, its time in the metrics."""

import logging
import re
import time
from contextlib import AbstractContextManager

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http import browser_headers
from api.http.root_path import route_path
from api.metrics import Metrics
from db import telemetry, tracing

# version-traceid-parentid-flags, of W3C Trace Context.
TRACEPARENT = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")

# A label for each address somebody tries would grow without end.
ROUTES = frozenset({"/", "/graphql", "/graphiql", "/export", "/healthz", "/readyz", "/metrics"})

log = telemetry.logger(__name__)
is_listening = logging.getLogger(__name__).isEnabledFor


class Trace:
    """Takes the caller's trace id or makes one, and sends it back as `x-trace-id`."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        if tracing.is_on() and scope["type"] == "http":
            with _server_span(scope):
                await self._answer(scope, receive, send, tracing.trace_id() or telemetry.new_trace_id())
        else:
            await self._answer(scope, receive, send, _trace_id(scope))

    async def _answer(self, scope: Scope, receive: Receive, send: Send, trace_id: str) -> None:
        status = 500 if scope["type"] == "http" else 101

        async def send_traced(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*browser_headers.secured(message["headers"]), (b"x-trace-id", trace_id.encode())]
                tracing.annotate({"http.response.status_code": status})
            await send(message)

        started = time.perf_counter()
        # A server runs each request in a task of its own.
        telemetry.enter(trace_id)
        try:
            await self.app(scope, receive, send_traced)
        finally:
            self._record(scope, status, time.perf_counter() - started)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route = _route(scope)
        self.metrics.record(route, status, seconds)
        # Asked first: structlog takes ten microseconds to find out that nobody listens.
        if is_listening(logging.DEBUG):
            log.debug("request", route=route, status=status, seconds=round(seconds, 6))


def _server_span(scope: Scope) -> AbstractContextManager[None]:
    caller = next((value.decode() for name, value in scope["headers"] if name == b"traceparent"), None)
    method, route = scope["method"], _route(scope)
    return tracing.span(f"{method} {route}", "server", caller, {"http.request.method": method, "http.route": route})


def _route(scope: Scope) -> str:
    route = "/" + route_path(scope).split("/", 2)[1]
    return route if route in ROUTES else "other"


def _trace_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"traceparent" and (match := TRACEPARENT.fullmatch(value)):
            return match[1].decode()
    return telemetry.new_trace_id()
