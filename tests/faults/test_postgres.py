"""Postgres gone for a while: what is in memory is still read, marked; nothing is half-written; all recovers."""

import asyncio
import os
import signal
from collections.abc import Callable

import pytest

from tests.faults.installation import Installation, connection
from tests.faults.test_killed import payment, submit
from tests.faults.traffic import SUBMIT, traffic

Measured = Callable[[str, str], None]
RANKING = "{ ranking(edition: 2025) { revision topTen { rank } } }"


async def test_killed_under_traffic(system: Installation, is_long: bool, measured: Measured) -> None:
    async with traffic(system) as clients:
        for _ in range(5 if is_long else 1):
            await system.kill("postgres")
            await asyncio.sleep(1)
            await system.start("postgres")
            await asyncio.sleep(1.5)
    measured("Postgres killed under traffic", f"ranked {clients.seconds:.1f} s later, {clients.refusals} calls refused")


@pytest.mark.parametrize("role", ["api", "worker", "relay"])
async def test_the_connections_of_one_role_ended(role: str, system: Installation) -> None:
    async with traffic(system):
        for _ in range(5):
            await system.pool.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1", f"sci {role}"
            )
            await asyncio.sleep(0.3)


async def test_what_is_in_memory_is_read_and_marked(system: Installation, measured: Measured) -> None:
    revision = await submit(system, 33)
    await system.until_ranked()
    async with asyncio.timeout(5):
        while (fresh := await system.post(RANKING))["data"]["ranking"]["revision"] != revision:
            await asyncio.sleep(0.05)
    assert "extensions" not in fresh
    await system.kill("postgres")
    async with asyncio.timeout(10):
        while (stale := await system.post(RANKING)).get("extensions") != {"stale": True}:
            await asyncio.sleep(0.05)
    assert stale["data"] == fresh["data"]
    assert await system.get("/readyz") == 503
    assert await system.get("/healthz") == 200
    refused = await system.post(SUBMIT, payment(34))
    assert [error["extensions"]["code"] for error in refused["errors"]] == ["UNAVAILABLE"]
    await system.start("postgres")
    loop = asyncio.get_running_loop()
    back = loop.time()
    async with asyncio.timeout(10):
        while "extensions" in await system.post(RANKING) or await system.get("/readyz") != 200:
            await asyncio.sleep(0.05)
    measured("Postgres back: reads not marked any more, ready", f"{loop.time() - back:.1f} s later")


async def test_frozen(system: Installation) -> None:
    """A server that does not answer at all is given up, and found again."""
    async with traffic(system):
        postgres = system.pid("postgres")
        os.killpg(postgres, signal.SIGSTOP)
        await asyncio.sleep(2)
        os.killpg(postgres, signal.SIGCONT)
        await asyncio.sleep(0.5)


async def test_read_only(system: Installation) -> None:
    """As after a failover to a standby, or when the disk is full."""
    before = await system.pool.fetchrow("select count(*), max(revision) from submission")
    admin = await connection(system)
    await admin.execute("alter system set default_transaction_read_only = on")
    await admin.execute("select pg_reload_conf()")
    await asyncio.sleep(0.3)
    refused = await system.post(SUBMIT, payment(35))
    assert [error["extensions"]["code"] for error in refused["errors"]] == ["UNAVAILABLE"]
    assert await system.post(RANKING)
    await admin.execute("alter system reset default_transaction_read_only")
    await admin.execute("select pg_reload_conf()")
    await admin.close()
    await asyncio.sleep(0.3)
    assert await system.pool.fetchrow("select count(*), max(revision) from submission") == before
    await submit(system, 36)
    await system.until_ranked()
