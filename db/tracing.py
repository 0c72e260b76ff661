"""OpenTelemetry spans from a score update to the screen; nothing is recorded unless `SCI_OTLP_ENDPOINT` is set.

One update is one trace. The span of the request is stored with the outbox row, sent with the Celery task, published
with the event, and named by each API process that loads the ranking and renders it for its subscribers. Names follow
OpenTelemetry's semantic conventions; no argument, variable or token is recorded.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from db.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

Kind = Literal["internal", "server", "client", "producer", "consumer"]

_providers: "list[TracerProvider]" = []


def is_on() -> bool:
    """Whether this process records spans."""
    return bool(_providers)


def start(settings: Settings, process: str) -> None:
    """Record this process's spans as those of *process*; call after a fork, since exporters have threads."""
    if settings.otlp_endpoint is None or _providers:
        return
    # Half a second of imports that nobody needs while tracing is off.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.instrumentation.asyncpg import AsyncPGInstrumentor  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased  # noqa: PLC0415

    resource = Resource.create({"service.name": f"smart-city-index-{process}"})
    provider = TracerProvider(resource=resource, sampler=ALWAYS_ON)
    exporter = OTLPSpanExporter(endpoint=f"{settings.otlp_endpoint.rstrip('/')}/v1/traces", timeout=5)
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=500))
    _providers.append(provider)
    # A statement outside a trace is a poll, which says nothing and happens all the time.
    statements = TracerProvider(resource=resource, sampler=ParentBased(ALWAYS_OFF))
    statements.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=500))
    _providers.append(statements)
    AsyncPGInstrumentor().instrument(tracer_provider=statements)  # type: ignore[no-untyped-call]


def stop() -> None:
    """Send what is recorded, and record no more."""
    while _providers:
        _providers.pop().shutdown()


@contextmanager
def span(
    name: str, kind: Kind = "internal", parent: str | None = None, attributes: Mapping[str, str | int] | None = None
) -> Iterator[None]:
    """A span around the block, below *parent*, the traceparent of another process, or else below the current span."""
    if not _providers:
        yield
        return
    from opentelemetry import trace  # noqa: PLC0415
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

    carrier = {} if parent is None else {"traceparent": parent}
    context = TraceContextTextMapPropagator().extract(carrier) if carrier else None
    with (
        _providers[0]
        .get_tracer("sci")
        .start_as_current_span(
            name,
            context=context,
            kind=trace.SpanKind[kind.upper()],
            attributes=attributes,
            # A message of an error may quote what a client sent.
            record_exception=False,
            set_status_on_exception=False,
        )
    ):
        yield


def annotate(attributes: Mapping[str, str | int]) -> None:
    """Add attributes to the current span."""
    if _providers:
        from opentelemetry import trace  # noqa: PLC0415

        trace.get_current_span().set_attributes(attributes)


def traceparent() -> str | None:
    """The current span as W3C Trace Context spells it, None outside a span."""
    if not _providers:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get("traceparent")


def trace_id() -> str | None:
    """The id of the current trace in 32 hexadecimal digits, None outside a span."""
    found = traceparent()
    return None if found is None else found.split("-")[1]
