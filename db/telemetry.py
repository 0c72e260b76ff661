"""One JSON line a log event, on standard error, with the trace id of the change or request it belongs to."""

import logging
import sys
import uuid

import structlog
from structlog.contextvars import bound_contextvars, get_contextvars, merge_contextvars

from db.settings import Settings

_SHARED: list[structlog.typing.Processor] = [
    merge_contextvars,
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
    return uuid.uuid4().hex


def trace_id() -> str | None:
    """The trace id bound here, None outside a request or task."""
    return get_contextvars().get("trace_id")


trace = bound_contextvars
"""`with trace(trace_id=...)`: bind fields to every log event inside."""
