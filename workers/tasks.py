"""The task by which Celery asks for a ranking."""

from db import telemetry
from workers import runtime
from workers.app import RECOMPUTE, app
from workers.recompute import bring_up_to_date


@app.task(name=RECOMPUTE)
def recompute(year: int, trace_id: str | None = None) -> None:
    """Bring the ranking of an edition, and of the earlier ones it is compared with, to its revision.

    Running it 0, 1 or 5 times gives the same rankings: it re-reads what is due, and the sweep calls it again.
    """
    with telemetry.trace(trace_id=trace_id, edition=year):
        child = runtime.current()
        child.run(bring_up_to_date(child.pool, child.redis, year))
