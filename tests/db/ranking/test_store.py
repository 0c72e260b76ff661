"""Columns that rankings have in common: stored once, read once, there as long as a ranking has them."""

import asyncio
from random import Random

import asyncpg
import pytest

from db.change import submission
from db.change.member_proposal import MemberProposal
from db.change.methodology_proposal import MethodologyChange, MethodologyProposal, WeightChange
from db.change.proposal import Proposal
from db.change.score_proposal import ScoreChange, ScoreProposal
from db.index import edition
from db.postgres.pool import Pool, transaction
from db.ranking import inputs, ranking, rebuild, store
from db.ranking.column import COMPARED, OF_ALL
from db.ranking.compute import compute
from db.ranking.incremental import RecentRankings
from db.ranking.inputs import newest_basis
from db.ranking.ranking import Ranking
from db.settings import Settings
from tests.conftest import Recompute, rank_all

STORED = "select code from ranking_column where edition = 2025 and revision = $1 order by position"

COLUMNS = "select count(*) from ranking_column where edition = $1"

NAMED = """
select count(*) from (select distinct stored_revision, position from column_of_ranking where edition = $1) named
"""


async def submit(pool: Pool, proposal: Proposal) -> None:
    async with transaction(pool) as writer:
        await submission.submit(writer, proposal, "test", None)


def payment(value: float | None) -> ScoreProposal:
    return ScoreProposal(2025, [ScoreChange("krefeld", "payment", value, None)])


async def read(pool: Pool, revision: int, held: Ranking | None = None) -> Ranking:
    [found] = await ranking.by_key(pool, [(2025, revision)], held)
    assert found is not None
    return found


def look(found: Ranking) -> None:
    """Have some of the arrays decoded."""
    assert len(found.columns[1].score) == len(found.cities)


async def test_one_score_stores_the_columns_that_it_moves(pool: Pool, recompute: Recompute) -> None:
    for value in (50, 60, 60, None):
        await submit(pool, payment(value))
        await recompute()
    codes = [[row["code"] for row in await pool.fetch(STORED, revision)] for revision in range(1, 6)]
    assert codes[0] == codes[1] == [column.code for column in (await read(pool, 1)).columns]
    assert codes[2:4] == [["overall", "administration", "payment"], []]
    # Without a score of its own, the city's other indicators have larger shares.
    assert set(codes[2]) < set(codes[4]) < set(codes[0])


@pytest.mark.parametrize("seed", range(4))
async def test_a_ranking_beside_another_is_the_ranking(seed: int, pool: Pool, recompute: Recompute) -> None:
    draw = Random(seed)
    rankings = [await read(pool, 1)]
    for number in range(8):
        scores = [ScoreChange("bonn", code, draw.random() * 100, None) for code in ("payment", "mobility")]
        proposal: Proposal = draw.choice([
            payment(draw.choice([None, 0.0, 50.0])),
            ScoreProposal(2025, scores),
            MethodologyProposal(2025, MethodologyChange([WeightChange("mobility", 1.0 + number)])),
            MemberProposal(2025, f"made-up-{number}", 100_001, "Made Up", "Nowhere"),
        ])  # fmt: skip
        await submit(pool, proposal)
        await recompute()
        if draw.random() < 0.5:
            look(draw.choice(rankings))
        anew = await read(pool, 2 + number)
        for held in [*rankings, anew]:
            beside = await read(pool, 2 + number, held)
            assert (beside.members, beside.framework, beside.basis) == (anew.members, anew.framework, anew.basis)
            assert beside.has_same_figures_as(anew)
        rankings.append(await read(pool, 2 + number, rankings[-1]))
    async with transaction(pool, "repeatable_read") as reader:
        assert (await rebuild.rebuild(reader, 2025)).differences == ()


@pytest.mark.parametrize(
    "what",
    [
        "update ranking set input_hash = 'another' where edition = 2025 and revision = 2",
        "delete from ranking where edition = 2025 and revision = 2",
    ],
)
async def test_beside_one_that_a_restored_database_has_not(what: str, pool: Pool, recompute: Recompute) -> None:
    for value in (1, 2):
        await submit(pool, payment(value))
        await recompute()
    held = await read(pool, 2)
    for row in held.figures["score"]:
        row[:] = -1
    assert not (await read(pool, 3, held)).has_same_figures_as(await read(pool, 3))
    await pool.execute(what)
    assert (await read(pool, 3, held)).has_same_figures_as(await read(pool, 3))


async def test_a_ranking_that_an_older_version_stored(pool: Pool, recompute: Recompute) -> None:
    """It had its ranked cities only, best first, and all its columns."""
    now = await read(pool, 1)
    await pool.execute("update ranking set column_revisions = null, cities = $1 where edition = 2025", now.cities)
    for name in (*OF_ALL, *COMPARED):
        await pool.execute(
            f"""update ranking_column set {name} = (
                    select array_agg({name}[place] order by number)
                    from unnest($1::integer[]) with ordinality as best (place, number))
                where edition = 2025 and {name} is not null""",
            (1 + now.order).tolist(),
        )
    old = await read(pool, 1)
    assert (old.members, old.has_same_figures_as(now)) == (now.cities, True)
    await submit(pool, payment(1))
    await recompute()
    assert (await read(pool, 2, old)).has_same_figures_as(await read(pool, 2))
    await pool.execute(store.PRUNE_COLUMNS, 2025)
    async with transaction(pool, "repeatable_read") as reader:
        assert (await rebuild.rebuild(reader, 2025)).differences == ()


async def test_a_column_goes_with_the_last_ranking_that_has_it(
    pool: Pool, settings: Settings, recompute: Recompute
) -> None:
    for value in range(5):
        await submit(pool, payment(value))
        await recompute()
        assert await pool.fetchval(COLUMNS, 2025) == await pool.fetchval(NAMED, 2025)
    newest = await read(pool, 6)
    await submit(pool, payment(9))
    await rank_all(settings.model_copy(update={"keep_rankings": 2}), pool)
    assert await ranking.keys(pool, 2025) == [(2025, 6), (2025, 7)]
    assert await pool.fetchval(COLUMNS, 2025) == await pool.fetchval(NAMED, 2025)
    assert (await read(pool, 6)).has_same_figures_as(newest)


async def test_a_ranking_that_is_based_on_a_pruned_one(pool: Pool, recompute: Recompute) -> None:
    """Another worker ranked since, so what this one has kept is not the newest, and another edition's worker prunes."""
    kept = await ranked_then_overtaken(pool, recompute)
    async with transaction(pool, "repeatable_read") as writer:
        states = await edition.states(writer)
        async with transaction(pool) as pruner:
            await store.prune(pruner, [2025], 1)
        with pytest.raises(asyncpg.SerializationError):
            await kept.read(writer, 2025, states[-1].revision, newest_basis(states, 2025))


async def test_pruning_waits_for_a_ranking_that_names_columns(pool: Pool, recompute: Recompute) -> None:
    kept = await ranked_then_overtaken(pool, recompute)

    async def prune() -> None:
        async with transaction(pool) as pruner:
            await store.prune(pruner, [2025], 1)

    async with transaction(pool, "repeatable_read") as writer:
        states = await edition.states(writer)
        given, before = await kept.read(writer, 2025, states[-1].revision, newest_basis(states, 2025))
        pruning = asyncio.create_task(prune())
        async with asyncio.timeout(10):
            while not await pool.fetchval("select exists (select from pg_locks where not granted)"):
                await asyncio.sleep(0.02)
        computed = compute(given, before)
        await store.save(writer, computed, before)
    await pruning
    assert before is not None
    assert set(before.column_revisions) == {2}
    assert (await read(pool, given.revision)).has_same_figures_as(computed)


async def test_pruning_waits_for_a_ranking_that_is_compared_with_one(pool: Pool) -> None:
    await submit(pool, payment(10))
    async with transaction(pool, "repeatable_read") as writer:
        computed = compute(await inputs.read(writer, 2025, 2))
        assert computed.basis is not None
        assert computed.basis.rankings == {2024: 1}
        await outdate_2024(pool)
        await store.save(writer, computed)
        pruning = asyncio.create_task(prune_2024(pool))
        async with asyncio.timeout(10):
            while not await pool.fetchval("select exists (select from pg_locks where not granted)"):
                await asyncio.sleep(0.02)
    await pruning
    assert await ranking.keys(pool, 2024) == [(2024, 1), (2024, 2)]
    async with transaction(pool, "repeatable_read") as reader:
        assert (await rebuild.rebuild(reader, 2025)).differences == ()


async def test_a_ranking_is_not_stored_whose_basis_was_pruned(pool: Pool) -> None:
    await submit(pool, payment(10))
    async with transaction(pool, "repeatable_read") as writer:
        computed = compute(await inputs.read(writer, 2025, 2))
        await outdate_2024(pool)
        await prune_2024(pool)
        with pytest.raises(asyncpg.SerializationError):
            await store.save(writer, computed)


async def outdate_2024(pool: Pool) -> None:
    """Rank 2024 anew, and leave no ranking of 2025 that was compared with its first."""
    await submit(pool, ScoreProposal(2024, [ScoreChange("krefeld", "mobility", 50.0, None)]))
    async with transaction(pool, "repeatable_read") as writer:
        await store.save(writer, compute(await inputs.read(writer, 2024, 2)))
    await pool.execute("delete from ranking where edition = 2025")


async def prune_2024(pool: Pool) -> None:
    async with transaction(pool) as pruner:
        await store.prune(pruner, [2024], 1)


async def ranked_then_overtaken(pool: Pool, recompute: Recompute) -> RecentRankings:
    """What a worker has kept that ranked revision 2; another one has ranked revision 3, and 4 goes back."""
    kept = RecentRankings()
    await submit(pool, payment(10))
    await recompute()
    async with transaction(pool, "repeatable_read") as reader:
        given = await inputs.read(reader, 2025, 2)
    kept.keep(given, compute(given))
    await submit(pool, payment(20))
    await recompute()
    await submit(pool, payment(10))
    return kept


async def test_a_city_that_was_not_ranked_has_no_earlier_rank(pool: Pool, recompute: Recompute) -> None:
    await submit(pool, MethodologyProposal(2024, MethodologyChange([WeightChange("mobility", 0.0)])))
    for year in (2024, 2025):
        await submit(pool, MemberProposal(year, "made-up", 100_001, "Made Up", "Nowhere"))
        await submit(pool, ScoreProposal(year, [ScoreChange("made-up", "mobility", 50.0, None)]))
    await recompute()
    [earlier] = await ranking.by_key(pool, (await ranking.keys(pool, 2024))[-1:])
    [later] = await ranking.by_key(pool, (await ranking.keys(pool, 2025))[-1:])
    assert earlier is not None
    assert later is not None
    assert ("made-up" in earlier.members, "made-up" in earlier.cities, "made-up" in later.cities) == (True, False, True)
    [mobility] = [column for column in later.columns if column.code == "mobility"]
    place = later.cities.index("made-up")
    assert mobility.comparison is not None
    assert (mobility.rank[place] > 0, mobility.comparison.previous_rank[place]) == (True, 0)
