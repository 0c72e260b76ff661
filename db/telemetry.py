"""One JSON line a log event, on standard error, with the trace id of the change or request it belongs to."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import structlog
from structlog.contextvars import bound_contextvars, merge_contextvars

from db.settings import Settings

_trace_id: ContextVar[str | None] = ContextVar("trace_id", default=None)


def _add_trace_id(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    if (id_ := _trace_id.get()) is not None:
        event["trace_id"] = id_
    return event


_SHARED: list[structlog.typing.Processor] = [
    merge_contextvars,
    _add_trace_id,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
]


def configure(settings: Settings) -> None:
    """Send every log event of this process, libraries' included, to standard error; call after a fork."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=settings.log_level.upper(), force=True)


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of a module."""
    log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return log


def new_trace_id() -> str:
    """32 hexadecimal digits, as in a W3C trace context."""
    return os.urandom(16).hex()


def trace_id() -> str | None:
    """The trace id bound here, None outside a request or task."""
    return _trace_id.get()


def enter(id_: str) -> None:
    """Name every log event from here on, to the end of the asyncio task, after a request."""
    _trace_id.set(id_)


@contextmanager
def trace(id_: str | None) -> Iterator[None]:
    """Name every log event inside after the change or request that it belongs to."""
    token = _trace_id.set(id_)
    try:
        yield
    finally:
        _trace_id.reset(token)


fields = bound_contextvars
"""`with fields(edition=2025)`: add fields to every log event inside."""
