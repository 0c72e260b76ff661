"""The tasks by which Celery asks for rankings and analyses; each may run any number of times."""

import socket

from db import telemetry
from db.ranking import status
from workers import runtime
from workers.analyse import analyse
from workers.app import ANALYSE, CANARY, RECOMPUTE, app


@app.task(name=RECOMPUTE)
def recompute(year: int, trace_id: str | None = None) -> None:
    """Bring the ranking of an edition, and of the earlier ones it is compared with, to its revision.

    Running it 0, 1 or 5 times gives the same rankings: it re-reads what is due, and the sweep calls it again.
    """
    with telemetry.trace(trace_id), telemetry.fields(edition=year):
        child = runtime.current()
        child.run(child.recomputer.bring_up_to_date(year))


@app.task(name=ANALYSE)
def analyse_uncertainty(id_: int, trace_id: str | None = None) -> None:
    """Compute an uncertainty analysis that is not over."""
    with telemetry.trace(trace_id), telemetry.fields(analysis=id_):
        child = runtime.current()
        child.run(analyse(child.pool, id_))


@app.task(name=CANARY)
def canary() -> None:
    """Show that this worker does its work: nothing else says it while nothing changes."""
    child = runtime.current()
    child.run(status.beat(child.pool, "worker", socket.gethostname()))
