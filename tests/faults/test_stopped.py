"""SIGTERM: what is under way is finished or handed back, and clients are told to come back."""

import asyncio
from collections.abc import Callable

from tests.faults.installation import Installation
from tests.faults.test_killed import STEPS, holding, payment, submit, until_a_worker_waits
from tests.faults.test_network import following
from tests.faults.traffic import SUBMIT, traffic

Measured = Callable[[str, str], None]


async def test_all_of_it_one_after_the_other_under_traffic(system: Installation) -> None:
    async with traffic(system):
        for name in ("api", "worker", "relay"):
            ended = await system.terminate(name)
            assert ended == "exit status 0", (name, ended)
            await system.start(name)
            await asyncio.sleep(1)


async def test_a_request_in_flight_is_answered_and_sockets_are_told(system: Installation) -> None:
    async with following(system) as socket, holding(system, "select 1 from edition where year = 2025 for update"):
        asking = asyncio.create_task(system.post(SUBMIT, payment(61)))
        waiting = (
            "select exists (select from pg_stat_activity where wait_event_type = 'Lock' and application_name = $1)"
        )
        async with asyncio.timeout(10):
            while not await system.pool.fetchval(waiting, "sci api"):
                await asyncio.sleep(0.02)
        ending = asyncio.create_task(system.terminate("api"))
        assert await socket.closed() == 1012
    assert (await asking)["data"]["submitScores"]["errors"] == []
    assert await ending == "exit status 0"


async def test_a_worker_finishes_its_task(system: Installation) -> None:
    async with holding(system, STEPS["it stores"][0]):
        revision = await submit(system, 62)
        await until_a_worker_waits(system, "copy")
        ending = asyncio.create_task(system.terminate("worker"))
        await asyncio.sleep(0.5)
    assert await ending == "exit status 0"
    newest = await system.pool.fetchval("select max(revision) from ranking where edition = 2025")
    assert newest == revision
