"""Counters and gauges of one API process, for Prometheus."""

import os

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from api.state.live import LiveRankings
from db.version import VERSION

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Everything `/metrics` shows."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "sci_http_requests", "HTTP requests answered.", ["route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "sci_http_request_seconds",
            "Time to the end of the answer.",
            ["route"],
            registry=self.registry,
        )
        self.plan_failures = Counter(
            "sci_plan_failures",
            "Selections whose plan failed by a bug, so that they were executed plainly: right, and slow.",
            registry=self.registry,
        )
        self._counters: dict[tuple[str, int], Counter] = {}
        self._histograms: dict[str, Histogram] = {}
        self.open_sockets = Gauge(
            "sci_open_websockets", "WebSockets now open.", registry=self.registry, multiprocess_mode="livesum"
        )
        self.revision = Gauge(
            "sci_ranked_revision",
            "Newest ranked revision in memory.",
            ["edition"],
            registry=self.registry,
            multiprocess_mode="max",
        )
        version = Gauge(
            "sci_build_info", "1 for the version that runs.", ["version"],
            registry=self.registry, multiprocess_mode="livemax",
        )  # fmt: skip
        version.labels(version=VERSION).set(1)

    def record(self, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        self._counter(route, status).inc()
        self._histogram(route).observe(seconds)

    def _counter(self, route: str, status: int) -> Counter:
        # Finding the child by its labels takes longer than counting.
        if (route, status) not in self._counters:
            self._counters[route, status] = self.requests.labels(route=route, status=str(status))
        return self._counters[route, status]

    def _histogram(self, route: str) -> Histogram:
        if route not in self._histograms:
            self._histograms[route] = self.seconds.labels(route=route)
        return self._histograms[route]

    def render(self, live: LiveRankings) -> bytes:
        """The text exposition, of all processes where they share a folder for it (see `workers.metrics`)."""
        for year, revision in live.newest_of_published.items():
            self.revision.labels(edition=str(year)).set(revision)
        registry = self.registry
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
