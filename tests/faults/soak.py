"""Mixed load on a whole installation for some minutes: does anything grow that should not?

    uv run python -m tests.faults.soak [MINUTES]

Prints one line a minute: memory of each process, connections to Postgres, rows of the tables that must stay small.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.faults.installation import CLIENTS, Installation, installation
from tests.faults.test_network import memory
from tests.faults.traffic import traffic
from tests.paths.conftest import descendants

MIB = 1024 * 1024
# Small enough to be full after the first minutes: what grows afterwards is a leak.
CACHES = {"SCI_MEMORY_MB": "8", "SCI_SNAPSHOT_CACHE_SIZE": "4"}
ROWS = """select (select count(*) from outbox) as outbox, (select count(*) from recomputation) as recomputation,
  (select count(*) from pg_stat_activity where application_name like 'sci %') as connections"""


async def main(minutes: int) -> None:
    """Run the load, and print what the installation holds."""
    with tempfile.TemporaryDirectory() as folder:
        async with installation(Path(folder), **CACHES) as system:
            for minute in range(minutes + 1):
                if minute:
                    async with traffic(system) as clients:
                        await asyncio.sleep(60)
                    count, queries = len(clients.accepted), clients.queries
                    print(f"minute {minute}: {count} submissions, {queries} rankings read; ", end="")  # noqa: T201
                print(await state(system), flush=True)  # noqa: T201 - what it is for


async def state(system: Installation) -> str:
    """Memory in MiB of each process with its children, connections and rows."""
    held = {
        name: sum(memory(pid) for pid in (system.pid(name), *descendants(system.pid(name)))) // MIB for name in CLIENTS
    }
    rows = dict(await system.pool.fetchrow(ROWS) or {})
    return ", ".join(f"{name} {figure}" for name, figure in {**held, **rows}.items())


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10))
