"""Around every request: its trace id in logs and answer, its time in the metrics."""

import logging
import re
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http import browser_headers
from api.metrics import Metrics
from db import telemetry

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
        trace_id = _trace_id(scope)
        status = 500 if scope["type"] == "http" else 101

        async def send_traced(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*browser_headers.secured(message["headers"]), (b"x-trace-id", trace_id.encode())]
            await send(message)

        started = time.perf_counter()
        # A server runs each request in a task of its own.
        telemetry.enter(trace_id)
        try:
            await self.app(scope, receive, send_traced)
        finally:
            self._record(scope, status, time.perf_counter() - started)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route = "/" + scope["path"].split("/", 2)[1]
        route = route if route in ROUTES else "other"
        self.metrics.record(route, status, seconds)
        # Asked first: structlog takes ten microseconds to find out that nobody listens.
        if is_listening(logging.DEBUG):
            log.debug("request", route=route, status=status, seconds=round(seconds, 6))


def _trace_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"traceparent" and (match := TRACEPARENT.fullmatch(value)):
            return match[1].decode()
    return telemetry.new_trace_id()
