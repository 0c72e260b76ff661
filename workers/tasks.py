"""The tasks by which Celery asks for rankings and analyses; each may run any number of times."""

import socket
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, TypeAlias

from celery import Task

from db import telemetry, tracing
from db.ranking import status
from workers import runtime
from workers.analyse import analyse
from workers.app import ANALYSE, CANARY, QUEUE, RECOMPUTE, app

if TYPE_CHECKING:
    AnyTask: TypeAlias = Task[Any, Any]


@app.task(name=RECOMPUTE, bind=True)
def recompute(self: "AnyTask", year: int, trace_id: str | None = None) -> None:
    """Bring the ranking of an edition, and of the earlier ones it is compared with, to its revision.

    Running it 0, 1 or 5 times gives the same rankings: it re-reads what is due, and the sweep calls it again.
    """
    child = runtime.current()
    with telemetry.trace(trace_id), telemetry.fields(edition=year), _processing(self):
        child.run(child.recomputer.bring_up_to_date(year))


@app.task(name=ANALYSE, bind=True)
def analyse_uncertainty(self: "AnyTask", id_: int, trace_id: str | None = None) -> None:
    """Compute an uncertainty analysis that is not over."""
    child = runtime.current()
    with telemetry.trace(trace_id), telemetry.fields(analysis=id_), _processing(self):
        child.run(analyse(child.pool, id_))


@app.task(name=CANARY)
def canary() -> None:
    """Show that this worker does its work: nothing else says it while nothing changes."""
    child = runtime.current()
    child.run(status.beat(child.pool, "worker", socket.gethostname()))


def _processing(task: "AnyTask") -> AbstractContextManager[None]:
    """A span around a task, below the span that sent it."""
    names = {"messaging.system": "redis", "messaging.destination.name": QUEUE, "messaging.operation.type": "process"}
    return tracing.span(f"process {task.name}", "consumer", task.request.get("traceparent"), names)
