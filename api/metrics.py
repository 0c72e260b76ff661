"""Counters and gauges of one API process, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from api.index import Index

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
        self.open_sockets = Gauge("sci_open_websockets", "WebSockets now open.", registry=self.registry)
        self.revision = Gauge(
            "sci_ranked_revision", "Newest ranked revision in memory.", ["edition"], registry=self.registry
        )

    def render(self, index: Index) -> bytes:
        """The text exposition."""
        for year, revision in index.newest.items():
            self.revision.labels(edition=str(year)).set(revision)
        return generate_latest(self.registry)
