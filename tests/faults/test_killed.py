"""SIGKILL of any process, at any moment: nothing accepted is lost, nothing applied twice, nobody sees less."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from tests.faults.installation import STALE_SECONDS, Installation, connection
from tests.faults.traffic import SUBMIT, traffic

Measured = Callable[[str, str], None]


def payment(value: float, key: str | None = None) -> dict[str, Any]:
    scores = [{"city": "krefeld", "measure": "payment", "value": value}]
    return {"input": {"edition": 2025, "scores": scores, "idempotencyKey": key}}


async def submit(system: Installation, value: float, key: str | None = None) -> int:
    payload = (await system.post(SUBMIT, payment(value, key)))["data"]["submitScores"]
    revision: int = payload["submission"]["revision"]
    return revision


@asynccontextmanager
async def holding(system: Installation, statement: str) -> AsyncIterator[None]:
    """Hold the lock that a statement takes."""
    held = await connection(system)
    transaction = held.transaction()
    await transaction.start()
    await held.execute(statement)
    yield
    await transaction.rollback()
    await held.close()


async def until_a_worker_waits(system: Installation, query: str) -> None:
    """Until a worker's backend waits for a lock in a statement that contains *query*."""
    waiting = """select exists (select from pg_stat_activity where application_name = 'sci worker'
      and wait_event_type = 'Lock' and query ilike '%' || $1 || '%')"""
    async with asyncio.timeout(10):
        while not await system.pool.fetchval(waiting, query):
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("name", ["api", "worker", "relay"])
async def test_under_traffic(name: str, system: Installation, is_long: bool, measured: Measured) -> None:
    async with traffic(system) as clients:
        for _ in range(10 if is_long else 1):
            await system.kill(name)
            await asyncio.sleep(0.2)
            await system.start(name)
            await asyncio.sleep(1)
    measured(
        f"{name} killed under traffic", f"{len(clients.accepted)} submissions, ranked {clients.seconds:.1f} s later"
    )


async def test_the_child_in_which_tasks_run(system: Installation, is_long: bool, measured: Measured) -> None:
    async with traffic(system) as clients:
        for _ in range(20 if is_long else 3):
            os.kill(await system.worker_child(), signal.SIGKILL)
            await asyncio.sleep(0.5)
    measured("worker's child killed under traffic", f"ranked {clients.seconds:.1f} s later")


async def test_the_api_after_the_commit_and_before_the_answer(system: Installation) -> None:
    before = await system.pool.fetchval("select revision from edition where year = 2025")
    system.postgres["api"].hold_answers_after = b"COMMIT;"
    asking = asyncio.create_task(system.post(SUBMIT, payment(12, "unanswered")))
    await system.postgres["api"].is_holding.wait()
    async with asyncio.timeout(5):
        while await system.pool.fetchval("select revision from edition where year = 2025") == before:
            await asyncio.sleep(0.02)
    await system.kill("api")
    with pytest.raises(httpx2.TransportError):
        await asking
    await system.heal()
    assert await submit(system, 12, "unanswered") == before + 1
    await system.until_ranked()
    made = "select count(*) from submission where idempotency_key = 'unanswered'"
    assert await system.pool.fetchval(made) == 1
    assert await system.pool.fetchval("select revision from edition where year = 2025") == before + 1


async def test_the_relay_between_claim_and_send(system: Installation, measured: Measured) -> None:
    # Only what hands a task over: a relay that cannot ask Redis anything claims nothing.
    system.redis["relay"].hold_requests_with = b"LPUSH"
    await submit(system, 13)
    claiming = """select exists (select from pg_stat_activity where application_name = 'sci relay'
      and state = 'idle in transaction')"""
    async with asyncio.timeout(10):
        while not await system.pool.fetchval(claiming):
            await asyncio.sleep(0.02)
    await system.kill("relay")
    async with asyncio.timeout(5):
        while not await system.pool.fetchval("select count(*) from outbox"):
            await asyncio.sleep(0.02)
    system.redis["relay"].heal()
    await system.start("relay")
    measured("relay killed between claim and send", f"ranked {await system.until_ranked():.1f} s after its start")


STEPS = {
    "it waits for its turn": ("select pg_advisory_xact_lock(hashtext('sci ranking'), 2025)", "pg_advisory_xact_lock"),
    "it reads": ("lock table definition in access exclusive mode", "definition"),
    "it stores": ("lock table ranking_column in share row exclusive mode", "copy"),
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("whole", [False, True], ids=["child", "worker"])
async def test_the_worker_while(step: str, whole: bool, system: Installation, measured: Measured) -> None:
    statement, query = STEPS[step]
    async with holding(system, statement):
        await submit(system, 14)
        await until_a_worker_waits(system, query)
        if whole:
            await system.kill("worker")
        else:
            os.kill(await system.worker_child(), signal.SIGKILL)
    if whole:
        await system.start("worker")
    seconds = await system.until_ranked()
    measured(f"worker{'' if whole else chr(39) + 's child'} killed while {step}", f"ranked {seconds:.1f} s later")


async def test_a_worker_that_stops_and_goes_on_overwrites_nothing(system: Installation, measured: Measured) -> None:
    async with holding(system, STEPS["it stores"][0]):
        await submit(system, 15)
        await until_a_worker_waits(system, "copy")
        zombie = await system.worker_child()
        os.kill(zombie, signal.SIGSTOP)
        os.kill(system.pid("worker"), signal.SIGSTOP)
    # Its session is ended by Postgres, as that of a transaction that does nothing; then another worker can rank.
    await system.start("worker2")
    revision = await submit(system, 16)
    seconds = await system.until_ranked()
    newest = "select edition, revision, input_hash, computed_at from ranking order by edition, revision"
    stored = await system.pool.fetch(newest)
    for pid in (zombie, system.pid("worker")):
        os.kill(pid, signal.SIGCONT)
    await asyncio.sleep(3 * STALE_SECONDS)
    assert await system.pool.fetch(newest) == stored
    assert stored[-1]["revision"] == revision
    assert await submit(system, 17) == revision + 1
    await system.until_ranked()
    measured("a worker stopped while it stores, another one there", f"ranked {seconds:.1f} s later")
