"""Times a recompute after one changed score against its floor, on made-up editions of 163 parameters.

uv run python -m tests.benchmarks.recompute [CITIES ...]

Twice: by a worker that has just started, which reads, computes and stores everything, and by one that has ranked the
edition before (`kept`). The floor is the same bytes moved once in bulk on the same Postgres (the recorded values out by
COPY, the figures of a whole ranking in by COPY), and the arithmetic of everything written down for this one framework
on ready arrays.
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

from db import local
from db.change import submission
from db.change.score_proposal import ScoreChange, ScoreProposal
from db.composite.framework import Direction, Level, Normalisation
from db.dataset import dataset, load
from db.index import edition
from db.postgres import migrate
from db.postgres.pool import Pool, create_pool, transaction
from db.ranking import compute, store
from db.ranking.incremental import RecentRankings
from db.ranking.inputs import Inputs, newest_basis
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
    compute: float
    store: float

    @property
    def whole(self) -> float:
        return self.read + self.compute + self.store


@dataclass(frozen=True, slots=True)
class Round:
    """Of a worker that has just started, of one that has ranked before, and of the floor."""

    first: Times
    kept: Times
    floor: Times


async def main(sizes: list[int]) -> None:
    """Print a line for each size."""
    say(
        "| cities | read + compute + store s | kept: read + compute + store s | floor s | compute / numpy "
        "| whole / floor | kept whole / floor | memory |"
    )
    say("|---|---|---|---|---|---|---|---|")
    for cities in sizes:
        with tempfile.TemporaryDirectory() as folder:
            async with installation(Path(folder), cities) as pool:
                await one_round(pool, ROUNDS)
                rounds = [await one_round(pool, number) for number in range(ROUNDS)]
        compute = median(each.first.compute / each.floor.compute for each in rounds)
        whole = median(each.first.whole / each.floor.whole for each in rounds)
        kept = median(each.kept.whole / each.floor.whole for each in rounds)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        say(
            f"| {cities:,} | {shown([each.first for each in rounds])} | {shown([each.kept for each in rounds])} "
            f"| {median(each.floor.whole for each in rounds):.3f} | {compute:.2f} | {whole:.2f} | {kept:.2f} "
            f"| {memory:,.0f} MiB |"
        )


def shown(rounds: list[Times]) -> str:
    """The round in the middle."""
    middle = sorted(rounds, key=lambda times: times.whole)[len(rounds) // 2]
    return f"{middle.read:.4f} + {middle.compute:.4f} + {middle.store:.4f} = {middle.whole:.4f}"


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


async def one_round(pool: Pool, number: int) -> Round:
    """Change one score, recompute as the first of a worker; change it again, recompute; and the floor."""
    kept = RecentRankings()
    first, given = await recompute(pool, kept, 2.0 * number)
    again, _ = await recompute(pool, kept, 2.0 * number + 1)
    del kept
    rows = await copied(pool, "ranking_column", given.revision)
    async with transaction(pool) as writer:
        started = time.perf_counter()
        await writer.copy_to_table("floor", source=rows, format="binary", timeout=600)
    store = time.perf_counter() - started
    await pool.execute("truncate floor")
    async with pool.acquire() as connection:
        read, _ = await timed(lambda: connection.copy_from_query(RECORDED, output=forget, format="binary", timeout=600))
    return Round(first, again, Times(read, bare_numpy(given), store))


async def recompute(pool: Pool, kept: RecentRankings, value: float) -> tuple[Times, Inputs]:
    """Change one score, then recompute part by part."""
    change = ScoreChange(f"made-up-{0:06}", "parameter_0", value, "made up")
    async with transaction(pool) as writer:
        accepted = await submission.submit(writer, ScoreProposal(made_up.YEAR, [change]), "benchmark", None)
    async with transaction(pool, "repeatable_read") as writer:
        basis = newest_basis(await edition.states(writer), made_up.YEAR)
        read, (given, before) = await timed(lambda: kept.read(writer, made_up.YEAR, accepted.revision, basis))
        started = time.perf_counter()
        ranked = compute.compute(given, before)
        compute_seconds = time.perf_counter() - started
        started = time.perf_counter()
        await store.save(writer, ranked, before)
    store_seconds = time.perf_counter() - started
    kept.keep(given, ranked)
    return Times(read, compute_seconds, store_seconds), given


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
    """Seconds of the arithmetic for this framework: normalise, mean, share, rank."""
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
    ranks(-score)
    return time.perf_counter() - started


def ranks(scores: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """From 0 on, lowest first, ties as they come; numpy sorts six times as fast where there is no NaN."""
    order = np.argsort(np.where(np.isnan(scores), np.inf, scores), axis=-1)
    found = np.empty(scores.shape)
    np.put_along_axis(found, order, np.arange(scores.shape[-1], dtype=np.float64), axis=-1)
    return found


def min_max(row: "NDArray[np.float64]", up: bool) -> "NDArray[np.float64]":
    low, high = np.nanmin(row), np.nanmax(row)
    return (row - low if up else high - row) / (high - low) * 100


def rank(row: "NDArray[np.float64]", up: bool) -> "NDArray[np.float64]":
    return 100 - ranks(-row if up else row) / (len(row) - 1) * 100


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
