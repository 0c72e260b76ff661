"""Compares an API process with other servers on the same ranking, side by side on this machine.

uv run python -m tests.benchmarks.peers [--seconds S] [--rounds R]

Prints answers per second as medians of the rounds, and ratios as medians of what each round gave. In a round every
server is measured once for each query, one after the other, so that other work of the machine meets all of them.
"""

import argparse
import asyncio
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import orjson

from db import local, telemetry
from db.dataset import dataset, load
from db.local import Process, running
from db.postgres import migrate
from db.postgres.pool import create_pool
from db.settings import Settings
from tests.benchmarks.query import NAMES, OURS, POSTGRAPHILE_SAME_SHAPE
from tests.benchmarks.server import Server, bare, install, ours, peak_mib, postgraphile, yoga
from tests.conftest import BUNDLED, rank_all

CONNECTIONS = 16
WARM_UP_SECONDS = 1.5
# Beyond the generator's own limit.
KILL_SECONDS = 60

UNCACHED, CACHED, BARE = "ours, uncached", "ours, cached", "bare uvicorn"
POSTGRAPHILE, SAME_SHAPE = "PostGraphile 5", "PostGraphile 5, codes joined"
YOGA, YOGA_CACHED = "Yoga 5", "Yoga 5, response cache"
RATIOS = [
    (UNCACHED, POSTGRAPHILE),
    (UNCACHED, SAME_SHAPE),
    (UNCACHED, YOGA),
    (CACHED, BARE),
    (CACHED, YOGA_CACHED),
]

Rates = dict[tuple[str, str], list[float]]
"""Answers per second by server and query, one a round."""


async def main(seconds: float, rounds: int) -> None:
    """Start everything, compare the answers, measure, print the table, stop everything."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    npm = await install()
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder)
        async with local.servers(data_dir), AsyncExitStack() as stack:
            await _fill(data_dir)
            servers = await stack.enter_async_context(_started(data_dir, npm))
            sizes = await _compared([server for server, _ in servers])
            generator = Generator(data_dir, sizes)
            for server, query in _pairs(servers):
                await generator.rate(server, query, WARM_UP_SECONDS)
            rates: Rates = {(server.name, query): [] for server, query in _pairs(servers)}
            for _ in range(rounds):
                for server, query in _pairs(servers):
                    rates[server.name, query].append(await generator.rate(server, query, seconds))
            peaks = {server.name: peak_mib(process) for server, process in servers}
    lines = _table(rates, peaks, sizes)
    print("\n".join(lines))  # noqa: T201 - what it is for
    print(f"\nThe generator used at most {generator.busiest:.0%} of a core.")  # noqa: T201


async def _fill(data_dir: Path) -> None:
    """The bundled data, ranked, and the newest ranking once more as `peer.sql` has it."""
    url = local.database_url(data_dir)
    await migrate.apply(url)
    settings = Settings(database_url=url, redis_url=local.redis_url(data_dir), log_level="warning")
    telemetry.configure(settings)
    pool = await create_pool(url, settings, "benchmark")
    await load.load(pool, dataset.read(BUNDLED))
    await rank_all(settings, pool)
    await pool.execute((Path(__file__).parent / "peer.sql").read_text())
    await pool.close()


@asynccontextmanager
async def _started(data_dir: Path, npm: Path) -> AsyncIterator[list[tuple[Server, Process]]]:
    """Every server and its process, neighbours being those that are compared."""
    async with AsyncExitStack() as stack:

        async def start(server: Server) -> tuple[Server, Process]:
            return server, await stack.enter_async_context(running(server.child(data_dir)))

        uncached = await start(ours(data_dir, UNCACHED, SCI_CACHE_ANSWERS="false"))
        bodies, entries = data_dir / "bodies", data_dir / "entries.json"
        bodies.mkdir()
        for query in NAMES:
            (bodies / query).write_bytes(await uncached[0].answer(query))
        ranking = orjson.loads((bodies / "ranking").read_bytes())
        entries.write_bytes(orjson.dumps(OURS.read(ranking["data"])))
        peer = await start(postgraphile(POSTGRAPHILE, npm, data_dir))
        yield [
            peer,
            uncached,
            (replace(peer[0], name=SAME_SHAPE, dialect=POSTGRAPHILE_SAME_SHAPE), peer[1]),
            await start(yoga(YOGA, npm, entries)),
            await start(bare(BARE, bodies)),
            await start(ours(data_dir, CACHED)),
            await start(yoga(YOGA_CACHED, npm, entries, "cached")),
        ]


def _pairs(servers: list[tuple[Server, Process]]) -> list[tuple[Server, str]]:
    return [(server, query) for query in NAMES for server, _ in servers]


async def _compared(servers: list[Server]) -> dict[tuple[str, str], int]:
    """The bytes of every answer, all answers to one query being equal."""
    sizes: dict[tuple[str, str], int] = {}
    expected: dict[str, Any] = {}
    for query in NAMES:
        for server in servers:
            body = await server.answer(query)
            dialect = server.dialect or OURS
            found = dialect.read(orjson.loads(body)["data"])
            assert found == expected.setdefault(query, found), f"{server.name} answers {query} differently"
            sizes[server.name, query] = len(body)
    assert [len(expected[name]) for name in ("ranking", "top-ten")] == [83, 10]
    return sizes


class Generator:
    """Runs `load` in processes of its own; `busiest` is the largest share of a core that one of them used."""

    def __init__(self, folder: Path, sizes: dict[tuple[str, str], int]) -> None:
        self.file = folder / "request"
        self.sizes = sizes
        self.busiest = 0.0

    async def rate(self, server: Server, query: str, seconds: float) -> float:
        """Answers per second; every one of them had status 200 and the size of the one that was compared."""
        self.file.write_bytes(server.request(query))
        given = [server.port, self.file, self.sizes[server.name, query], CONNECTIONS, seconds]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.benchmarks.load", *map(str, given), stdout=asyncio.subprocess.PIPE
        )
        try:
            async with asyncio.timeout(seconds + KILL_SECONDS):
                output, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        assert process.returncode == 0, f"{server.name} failed at {query}"
        took, answers, busy = map(float, output.split())
        self.busiest = max(self.busiest, busy / took)
        return answers / took


def _table(rates: Rates, peaks: dict[str, float], sizes: dict[tuple[str, str], int]) -> list[str]:
    """Markdown: a row a server and a row a ratio, a column a query."""
    heads = [f"{query}, {sizes[UNCACHED, query] / 1000:.1f} kB" for query in NAMES]
    lines = [f"| answers/s, {CONNECTIONS} connections | {' | '.join(heads)} | peak memory |", "|---|---|---|---|---|"]
    for name, peak in peaks.items():
        cells = [f"{median(rates[name, query]):,.1f}" for query in NAMES]
        lines.append(f"| {name} | {' | '.join(cells)} | {peak:.0f} MiB |")
    for one, other in RATIOS:
        cells = [_ratio(rates[one, query], rates[other, query]) for query in NAMES]
        lines.append(f"| **{one} / {other}** | {' | '.join(cells)} | {peaks[one] / peaks[other]:.2f} |")
    return lines


def _ratio(ones: list[float], others: list[float]) -> str:
    """Median, lowest and highest of the rounds."""
    ratios = [one / other for one, other in zip(ones, others, strict=True)]
    return f"**{median(ratios):.2f}** ({min(ratios):.2f}-{max(ratios):.2f})"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="tests.benchmarks.peers")
    parser.add_argument("--seconds", type=float, default=4, help="length of one measurement")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each server and query")
    arguments = parser.parse_args()
    asyncio.run(main(arguments.seconds, arguments.rounds))
