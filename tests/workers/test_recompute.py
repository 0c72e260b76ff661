"""Ranking: once for each revision, in order, whatever the number of tasks."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from db.change import submission
from db.change.score_proposal import ScoreChange, ScoreProposal
from db.index import edition
from db.postgres.pool import Pool, create_pool, transaction
from db.ranking import compute, inputs, ranking, rebuild, store
from db.redis import connect_redis
from db.settings import Settings
from tests.conftest import Recompute, rank_all
from workers.recompute import MOST_CONNECTIONS_AT_ONCE, Recomputer

STORED = "select edition, revision, input_hash from ranking order by edition, revision"


async def submit(pool: Pool, year: int, measure: str, value: float) -> None:
    proposal = ScoreProposal(year, [ScoreChange("krefeld", measure, value, "test")])
    async with transaction(pool) as writer:
        await submission.submit(writer, proposal, "test", None)


async def stored(pool: Pool) -> list[tuple[int, int]]:
    return [(row["edition"], row["revision"]) for row in await pool.fetch(STORED)]


async def test_running_twice_stores_once(pool: Pool, recompute: Recompute) -> None:
    await submit(pool, 2025, "payment", 1)
    for _ in range(2):
        await recompute()
    assert await stored(pool) == [(2024, 1), (2025, 1), (2025, 2)]


async def test_what_is_stored_is_not_stored_again(pool: Pool) -> None:
    async with transaction(pool, "repeatable_read") as reader:
        computed = compute.compute(await inputs.read(reader, 2025, 1))
    with pytest.raises(store.STORED_ALREADY):
        async with transaction(pool) as writer:
            await store.save(writer, computed)


async def test_a_worker_that_stopped_while_it_stored_is_not_waited_for(pool: Pool, settings: Settings) -> None:
    locked = asyncio.Event()

    async def nothing() -> AsyncIterator[bytes]:
        locked.set()
        await asyncio.Event().wait()
        yield b""

    async def stop() -> None:
        async with transaction(pool) as writer:
            await store.lock(writer, 2025)
            await writer.copy_to_table("ranking_column", source=nothing(), format="binary")

    await submit(pool, 2025, "payment", 1)
    stopping = asyncio.create_task(stop())
    await locked.wait()
    await asyncio.sleep(1.1)
    await rank_all(settings.model_copy(update={"task_time_limit_seconds": 0.5}), pool)
    assert (await stored(pool))[-1] == (2025, 2)
    stopping.cancel()
    await asyncio.gather(stopping, return_exceptions=True)


async def test_a_burst_costs_one_ranking(pool: Pool, recompute: Recompute) -> None:
    for value in range(20):
        await submit(pool, 2025, "payment", value)
    await asyncio.gather(*(recompute() for _ in range(2)))
    assert await stored(pool) == [(2024, 1), (2025, 1), (2025, 21)]


async def test_an_edition_is_compared_with_the_newest_ranking_before_it(pool: Pool, recompute: Recompute) -> None:
    await submit(pool, 2024, "administration", 100)
    await recompute()
    assert await stored(pool) == [(2024, 1), (2024, 2), (2025, 1), (2025, 2)]
    older, newer = await ranking.by_key(pool, [(2024, 2), (2025, 2)])
    assert older is not None
    assert newer is not None
    comparison = newer.columns[0].comparison
    assert comparison is not None
    ranks = dict(zip(older.cities, older.columns[0].rank, strict=True))
    assert comparison.previous_rank.tolist() == [ranks.get(city, 0) for city in newer.cities]
    assert ranks["krefeld"] != 43


async def test_equal_inputs_have_equal_hashes(pool: Pool, recompute: Recompute) -> None:
    hashes = []
    for value in (1, 2, 1):
        await submit(pool, 2025, "payment", value)
        await recompute()
        hashes.append(await pool.fetchval("select input_hash from ranking order by computed_at desc limit 1"))
    assert hashes[0] == hashes[2] != hashes[1]


async def test_an_edition_that_loses_its_last_score_has_an_empty_ranking(pool: Pool, recompute: Recompute) -> None:
    await submit(pool, 2019, "mobility", 50)
    async with transaction(pool) as writer:
        proposal = ScoreProposal(2019, [ScoreChange("krefeld", "mobility", None, None)])
        await submission.submit(writer, proposal, "test", None)
    await recompute()
    [found] = await ranking.by_key(pool, [(2019, 2)])
    assert found is not None
    assert found.cities == ()
    assert not any(state.is_stale for state in await edition.states(pool))


async def test_what_is_stored_is_read_back_and_misses_are_none(pool: Pool) -> None:
    found = await ranking.by_key(pool, [(2025, 1), (2025, 9), (2024, 1), (2025, 1)])
    assert [None if r is None else (r.edition, r.revision) for r in found] == [(2025, 1), None, (2024, 1), (2025, 1)]
    assert await ranking.revision_before(pool, [(2025, 1), (2025, 9), (2024, 2)]) == [None, 1, 1]
    assert await ranking.first_revision_from(pool, [(2025, 0), (2025, 2), (2024, 1)]) == [1, None, 1]


async def test_old_rankings_go_and_what_is_compared_with_stays(pool: Pool, settings: Settings) -> None:
    keeping = settings.model_copy(update={"keep_rankings": 2})
    for value in range(1, 4):
        await submit(pool, 2024, "mobility", value)
        await rank_all(keeping, pool)
    assert await stored(pool) == [(2024, 3), (2024, 4), (2025, 3), (2025, 4)]
    for value in range(4, 7):
        await submit(pool, 2025, "payment", value)
        await rank_all(keeping, pool)
    assert await stored(pool) == [(2024, 3), (2024, 4), (2025, 6), (2025, 7)]
    await submit(pool, 2024, "mobility", 9)
    await rank_all(keeping.model_copy(update={"keep_rankings": 1}), pool)
    assert await stored(pool) == [(2024, 5), (2025, 8)]
    async with transaction(pool, "repeatable_read") as reader:
        assert (await rebuild.rebuild(reader, None)).differences == ()


async def test_a_closed_edition_keeps_its_rankings(pool: Pool, settings: Settings) -> None:
    await submit(pool, 2025, "payment", 1)
    await rank_all(settings, pool)
    await submit(pool, 2025, "payment", 2)
    await pool.execute("update edition set closed_at = now() where year = 2025")
    await rank_all(settings.model_copy(update={"keep_rankings": 1}), pool)
    assert await stored(pool) == [(2024, 1), (2025, 1), (2025, 2), (2025, 3)]


async def test_a_worker_ranks_with_a_pool_of_one_in_its_settings(settings: Settings, pool: Pool) -> None:
    """Also when another one holds the edition's lock, which takes all the connections that a task ever has."""
    await submit(pool, 2025, "payment", 1)
    small = settings.model_copy(update={"database_pool_size": 1})
    assert small.database_url is not None
    own = await create_pool(small.database_url, small, "worker", at_least=MOST_CONNECTIONS_AT_ONCE)
    redis = connect_redis(small)
    async with asyncio.timeout(20):
        async with transaction(pool) as holder:
            await store.lock(holder, 2025)
            ranking = asyncio.create_task(Recomputer(own, redis, small).bring_up_to_date(2025))
            await asyncio.sleep(0.5)
            assert not ranking.done()
        await ranking
    assert await pool.fetchval("select max(revision) from ranking where edition = 2025") == 2
    await redis.aclose()
    await own.close()
