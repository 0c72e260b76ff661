"""Times a recompute after one changed score against its floor, on made-up editions of 163 parameters.

uv run python -m tests.benchmarks.recompute [CITIES ...]

A worker that has ranked the edition before keeps its inputs and reads what changed: `kept` is that read, and the whole
with it. The floor is the same bytes moved once in bulk on the same Postgres (the recorded values out by COPY, the
figures of the ranking in by COPY), and the same arithmetic written down for this one framework on ready arrays.
"""

import asyncio
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from db import computation, dataset, inputs, load, local, migrate, ranking, submission
from db.composite.framework import Direction, Level, Normalisation
from db.inputs import Inputs
from db.kept_inputs import KeptInputs
from db.pool import Pool, create_pool, transaction
from db.score_proposal import ScoreChange, ScoreProposal
from db.settings import Settings
from tests import made_up

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIZES = (83, 1_000, 10_000, 100_000)
ROUNDS = 3
PARAMETERS, INDICATORS, CATEGORIES = 163, 37, 5
PATIENT = Settings(statement_timeout_seconds=600)

SCORES = """
insert into score (measure_id, city_id, value, status, source)
select m.id, c.city_id, random() * 100, 'recorded', 'made up'
from measure m, member c
where m.edition = 3000 and c.edition = 3000 and m.level = 'parameter' and random() < 0.9
"""

RECORDED = "select measure_id, city_id, value, status from score"


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of each part."""

    read: float
    kept_read: float
    compute: float
    store: float
    floor_read: float
    floor_compute: float
    floor_store: float

    @property
    def whole(self) -> float:
        return self.read + self.compute + self.store

    @property
    def kept_whole(self) -> float:
        return self.kept_read + self.compute + self.store

    @property
    def floor(self) -> float:
        return self.floor_read + self.floor_compute + self.floor_store


async def main(sizes: list[int]) -> None:
    """Print a line for each size."""
    say(
        "| cities | read s | kept read s | compute s | store s | whole s | kept whole s | floor s | compute / numpy "
        "| whole / floor | memory |"
    )
    say("|---|---|---|---|---|---|---|---|---|---|---|")
    for cities in sizes:
        with tempfile.TemporaryDirectory() as folder:
            async with installation(Path(folder), cities) as pool:
                kept = KeptInputs()
                await one_round(pool, kept, ROUNDS)
                rounds = [await one_round(pool, kept, number) for number in range(ROUNDS)]
        middle = sorted(rounds, key=lambda times: times.whole)[ROUNDS // 2]
        compute = median(times.compute / times.floor_compute for times in rounds)
        whole = median(times.whole / times.floor for times in rounds)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        say(
            f"| {cities:,} | {middle.read:.3f} | {middle.kept_read:.3f} | {middle.compute:.3f} | {middle.store:.3f} "
            f"| {middle.whole:.3f} | {middle.kept_whole:.3f} | {middle.floor:.3f} | {compute:.2f} | {whole:.2f} "
            f"| {memory:,.0f} MiB |"
        )


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - what it is for


@asynccontextmanager
async def installation(folder: Path, cities: int) -> AsyncIterator[Pool]:
    """A Postgres of its own with a made-up edition, its scores drawn by the server."""
    async with local.servers(folder / "data", postgres_options={"shared_buffers": "1GB", "max_wal_size": "8GB"}):
        url = local.database_url(folder / "data")
        await migrate.apply(url)
        pool = await create_pool(url, PATIENT, "benchmark")
        shape = {"parameters": PARAMETERS, "indicators": INDICATORS, "categories": CATEGORIES}
        await load.load(pool, dataset.read(made_up.write(folder / "made-up", cities=cities, missing=1, **shape)))
        await pool.execute(SCORES, timeout=600)
        await pool.execute("create table floor (like ranking_column including storage)")
        await pool.execute("vacuum analyze score", timeout=600)
        yield pool
        await pool.close()


async def one_round(pool: Pool, kept: KeptInputs, number: int) -> Times:
    """Change one score, then recompute part by part, and the floor of each."""
    change = ScoreChange(f"made-up-{0:06}", "parameter_0", float(number), "made up")
    async with transaction(pool) as writer:
        accepted = await submission.submit(writer, ScoreProposal(made_up.YEAR, [change]), "benchmark", None)
    revision = accepted.revision
    async with transaction(pool, "repeatable_read") as writer:
        read, given = await timed(lambda: inputs.read(writer, made_up.YEAR, revision))
        kept_read, same = await timed(lambda: kept.read(writer, made_up.YEAR, revision, given.basis))
        assert same.hash() == given.hash()
        del same
        started = time.perf_counter()
        ranked = computation.compute(given)
        compute = time.perf_counter() - started
        started = time.perf_counter()
        await ranking.save(writer, ranked)
    store = time.perf_counter() - started
    kept.keep(given, ranked.input_hash)
    floor_compute = bare_numpy(given)
    rows = await copied(pool, "ranking_column", revision)
    async with transaction(pool) as writer:
        started = time.perf_counter()
        await writer.copy_to_table("floor", source=rows, format="binary", timeout=600)
    floor_store = time.perf_counter() - started
    await pool.execute("truncate floor")
    async with pool.acquire() as connection:
        floor_read, _ = await timed(
            lambda: connection.copy_from_query(RECORDED, output=forget, format="binary", timeout=600)
        )
    return Times(read, kept_read, compute, store, floor_read, floor_compute, floor_store)


async def timed(work: Callable[[], Awaitable[Any]]) -> tuple[float, Any]:
    """Seconds of *work*, and its result."""
    started = time.perf_counter()
    result = await work()
    return time.perf_counter() - started, result


async def forget(_: bytes) -> None:
    """Take the bytes of a COPY."""


async def copied(pool: Pool, table: str, revision: int) -> AsyncIterator[bytes]:
    """The rows of a revision as Postgres copies them out, all read before the first is given."""
    chunks: list[bytes] = []

    async def keep(chunk: bytes) -> None:
        chunks.append(chunk)

    async with pool.acquire() as connection:
        await connection.copy_from_query(
            f"select * from {table} where revision = $1", revision, output=keep, format="binary", timeout=600
        )

    async def each() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    return each()


def bare_numpy(given: Inputs) -> float:
    """Seconds of the arithmetic for this framework: normalise, mean, share, rank, and put into order."""
    measures = given.framework.measures
    values = given.values
    started = time.perf_counter()
    score = np.full((1 + len(measures), values.shape[1]), np.nan)
    for row, measure in enumerate(measures):
        if measure.level is Level.PARAMETER:
            score[1 + row] = NORMALISE[given.framework.normalisation_of(measure)](
                values[row], measure.direction is Direction.HIGHER_IS_BETTER
            )
    share = np.full(score.shape, np.nan)
    order = [place for place, measure in enumerate(measures) if measure.level is Level.INDICATOR]
    order += list(given.framework.categories)
    below = {1 + place: given.framework.children[place] for place in order} | {0: given.framework.categories}
    for row, children in below.items():
        rows = score[[1 + child for child in children]]
        weights = np.where(np.isnan(rows), 0, [[measures[child].weight] for child in children])
        total = weights.sum(axis=0)
        score[row] = np.nansum(weights * rows, axis=0) / total
        share[[1 + child for child in children]] = weights / total
    ranks = np.argsort(np.argsort(-score, axis=1, kind="stable"), axis=1)
    best_first = np.argsort(ranks[0])
    for figures in (values, score, share, ranks):
        figures[:, best_first]
    return time.perf_counter() - started


def min_max(row: "NDArray[np.float64]", up: bool) -> "NDArray[np.float64]":
    low, high = np.nanmin(row), np.nanmax(row)
    return (row - low if up else high - row) / (high - low) * 100


def rank(row: "NDArray[np.float64]", up: bool) -> "NDArray[np.float64]":
    return np.argsort(np.argsort(row if up else -row, kind="stable")) / (len(row) - 1) * 100


def fraction_of_max(row: "NDArray[np.float64]", up: bool) -> "NDArray[np.float64]":
    return (row / np.nanmax(row) if up else np.nanmin(row) / row) * 100


def none(row: "NDArray[np.float64]", up: bool) -> "NDArray[np.float64]":
    return row.copy() if up else 100 - row


NORMALISE = {
    Normalisation.MIN_MAX: min_max,
    Normalisation.RANK: rank,
    Normalisation.FRACTION_OF_MAX: fraction_of_max,
    Normalisation.NONE: none,
}


if __name__ == "__main__":
    asyncio.run(main([int(size) for size in sys.argv[1:]] or list(SIZES)))
