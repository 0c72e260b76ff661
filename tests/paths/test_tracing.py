"""One score update is one trace, from the request to what a subscriber is pushed, as an OTLP receiver assembles it."""

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.paths.conftest import SUBMIT, up

SECONDS = 30
SOURCE = "a source that no span may quote"
# Each below the one before it, with the process that recorded it.
PATH = [
    ("api", "POST /graphql"),
    ("api", "mutation"),
    ("relay", "send ranking.recompute"),
    ("worker", "process ranking.recompute"),
    ("api", "process ranking event"),
    ("api", "subscription"),
]
STEPS = {"recompute read", "recompute compute", "recompute store", "recompute publish"}


class Receiver:
    """Takes traces over HTTP as a collector does."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, Span]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                request = ExportTraceServiceRequest.FromString(body)
                for resource in request.resource_spans:
                    [name] = [
                        each.value.string_value for each in resource.resource.attributes if each.key == "service.name"
                    ]
                    process = name.removeprefix("smart-city-index-")
                    receiver.spans += [(process, span) for scope in resource.scope_spans for span in scope.spans]
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def trace(self, trace_id: str) -> list[tuple[str, Span]]:
        """The spans of one trace that have come so far."""
        return [(process, span) for process, span in list(self.spans) if span.trace_id.hex() == trace_id]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = threading.Thread(target=receiver.server.serve_forever, daemon=True)
    thread.start()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()
    thread.join()


async def test_one_update_is_one_trace(receiver: Receiver, tmp_path: Path) -> None:
    async with (
        up(tmp_path, SCI_OTLP_ENDPOINT=receiver.url) as system,
        httpx2.AsyncClient(base_url=system.url, timeout=30) as client,
    ):
        follow = {"query": "subscription { rankingRecomputed(edition: 2025, since: 1) { ranking { revision } } }"}
        headers = {"Accept": "text/event-stream"}
        async with client.stream("GET", "graphql", params=follow, headers=headers) as events:
            scores = [{"city": "krefeld", "measure": "payment", "value": 12}]
            response = await client.post(
                "graphql",
                json={
                    "query": SUBMIT,
                    "variables": {"input": {"edition": 2025, "source": SOURCE, "scores": scores}},
                },
                headers={"Authorization": f"Bearer {await system.token()}"},
            )
            assert response.json()["data"]["submitScores"]["errors"] == []
            trace_id = response.headers["x-trace-id"]
            async with asyncio.timeout(SECONDS):
                async for line in events.aiter_lines():
                    if line.startswith("data: "):
                        assert json.loads(line[6:])["data"]["rankingRecomputed"]["ranking"]["revision"] == 2
                        break
        async with asyncio.timeout(SECONDS):
            while not {name for _, name in PATH} | STEPS <= {span.name for _, span in receiver.trace(trace_id)}:
                await asyncio.sleep(0.1)
    spans = receiver.trace(trace_id)
    parent = b""
    for process, name in PATH:
        [found] = [span for at, span in spans if (at, span.name) == (process, name)]
        by_id = {span.span_id: span for _, span in spans}
        ancestors = set()
        above = found.parent_span_id
        while above:
            ancestors.add(above)
            above = by_id[above].parent_span_id
        assert not parent or parent in ancestors, name
        parent = found.span_id
    statements = [span for _, span in spans if any(each.key.startswith("db.") for each in span.attributes)]
    assert {process for process, span in spans if span in statements} >= {"api", "worker"}
    text = b"".join(span.SerializeToString() for _, span in receiver.spans)
    assert SOURCE.encode() not in text
    assert b"Bearer" not in text
