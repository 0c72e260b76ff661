"""What workers and the relay count, for Prometheus.

Children of a worker write their figures into the folder that PROMETHEUS_MULTIPROC_DIR names, and whoever is asked adds
them up. `sci up` gives all its processes one such folder, so that `/metrics` of the API shows them all. Elsewhere a
worker or relay answers at `SCI_METRICS_PORT` itself.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from db import tracing
from db.ranking.status import Status
from db.version import VERSION

STEP_SECONDS = Histogram(
    "sci_recompute_step_seconds",
    "Time of one step of a recompute.",
    ["step"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50),
)
RECOMPUTES = Counter("sci_recomputes", "Recomputes by outcome: stored, failed or interrupted.", ["outcome"])

_NEWEST: Literal["mostrecent"] = "mostrecent"
OUTBOX_SIZE = Gauge("sci_outbox_size", "Requests in the outbox.", multiprocess_mode=_NEWEST)
OUTBOX_AGE = Gauge("sci_outbox_age_seconds", "Age of the oldest request in the outbox.", multiprocess_mode=_NEWEST)
BEHIND_REVISIONS = Gauge(
    "sci_edition_behind_revisions",
    "Revisions of an edition that are not ranked yet.",
    ["edition"],
    multiprocess_mode=_NEWEST,
)
BEHIND_SECONDS = Gauge(
    "sci_edition_behind_seconds",
    "Age of an edition's oldest change that is not ranked yet.",
    ["edition"],
    multiprocess_mode=_NEWEST,
)
PARKED = Gauge(
    "sci_edition_parked", "1 for an edition that is not tried any more.", ["edition"], multiprocess_mode=_NEWEST
)
PENDING_PROPOSALS = Gauge("sci_proposals_pending", "Proposals that wait for an admin.", multiprocess_mode=_NEWEST)
HEARTBEAT = Gauge(
    "sci_heartbeat_timestamp_seconds",
    "When any process of a role last did its work, since 1970.",
    ["role"],
    multiprocess_mode=_NEWEST,
)
BUILD_INFO = Gauge("sci_build_info", "1 for the version that runs.", ["version"], multiprocess_mode="livemax")
TABLE_BYTES = Gauge("sci_table_bytes", "Size of a table with its indexes.", ["table"], multiprocess_mode=_NEWEST)


@contextmanager
def step(name: str) -> Iterator[None]:
    """Time and trace one step of a recompute."""
    with STEP_SECONDS.labels(name).time(), tracing.span(f"recompute {name}"):
        yield


def show(status: Status) -> None:
    """Set the gauges of the whole installation."""
    OUTBOX_SIZE.set(status.outbox_size)
    OUTBOX_AGE.set(status.outbox_age_seconds)
    PENDING_PROPOSALS.set(status.pending_proposals)
    for edition in status.editions:
        year = str(edition.year)
        is_behind = edition.behind_seconds > 0
        BEHIND_REVISIONS.labels(year).set(edition.revision - (edition.ranked_revision or 0) if is_behind else 0)
        BEHIND_SECONDS.labels(year).set(edition.behind_seconds)
        PARKED.labels(year).set(edition.is_parked)
    for role in ("worker", "relay"):
        ages = [beat.age_seconds for beat in status.heartbeats if beat.role == role]
        if ages:
            HEARTBEAT.labels(role).set(time.time() - min(ages))
    for table, size in status.table_bytes.items():
        TABLE_BYTES.labels(table).set(size)


def serve(port: int | None) -> None:
    """Answer at *port* with the figures of this process and its children; None serves nothing."""
    BUILD_INFO.labels(version=VERSION).set(1)
    if port is None:
        return
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    start_http_server(port, registry=registry)


def forget_process(pid: int) -> None:
    """Drop the gauges of a child that has ended; its counts stay."""
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        mark_process_dead(pid)  # type: ignore[no-untyped-call]
