"""Rankings kept with their inputs: the next inputs are those that are recorded, to the bit, for one statement."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from asyncpg.connection import LoggedQuery

from db.change import submission
from db.change.methodology_proposal import MethodologyChange, MethodologyProposal
from db.change.proposal import Proposal
from db.change.score_proposal import ScoreChange, ScoreProposal
from db.index import edition
from db.postgres.pool import Pool, transaction
from db.ranking import inputs
from db.ranking.compute import compute
from db.ranking.incremental import MOST_CHANGES, RecentRankings
from db.ranking.inputs import Inputs, newest_basis
from db.ranking.ranking import Baseline

ONE = ScoreProposal(2025, [ScoreChange("krefeld", "payment", 7.0, None)])


async def submit(pool: Pool, proposal: Proposal) -> None:
    async with transaction(pool) as writer:
        await submission.submit(writer, proposal, "test", None)


async def anew(pool: Pool) -> Inputs:
    async with transaction(pool, "repeatable_read") as reader:
        return await inputs.read(reader, 2025, 0)


async def read(pool: Pool, kept: RecentRankings) -> tuple[Inputs, Baseline | None, int]:
    """What *kept* gives now, and with how many statements."""
    statements: list[LoggedQuery] = []
    async with transaction(pool, "repeatable_read") as reader:
        states = await edition.states(reader)
        with reader.query_logger(statements.append):
            given, before = await kept.read(reader, 2025, states[-1].revision, newest_basis(states, 2025))
    return given, before, len(statements)


@pytest.fixture
async def kept(pool: Pool) -> RecentRankings:
    """With the ranking that is stored."""
    kept, first = RecentRankings(), replace(await anew(pool), revision=1)
    kept.keep(first, compute(first))
    return kept


@pytest.mark.parametrize("seed", range(3))
async def test_they_are_those_that_are_recorded(seed: int, kept: RecentRankings, pool: Pool) -> None:
    draw = Random(seed)
    first = await anew(pool)
    for _ in range(10):
        places = draw.sample([(city, code) for city in ("krefeld", "bonn") for code in ("payment", "mobility")], 2)
        scores = [ScoreChange(*place, draw.choice([None, 0.0, 50.0, 100.0]), None) for place in places]
        await submit(pool, ScoreProposal(2025, scores))
        given, before, statements = await read(pool, kept)
        assert (given.hash(), statements) == ((await anew(pool)).hash(), 1)
        pairs = enumerate(zip(first.values, given.values, strict=True))
        assert before is not None
        assert before.changed >= {row for row, (old, new) in pairs if not np.array_equal(old, new, equal_nan=True)}
        assert (before.ranking.revision, set(before.column_revisions)) == (1, {1})


@pytest.mark.parametrize(
    "what",
    [
        "update ranking set input_hash = 'another' where edition = 2025",
        "delete from ranking where edition = 2025",
    ],
)
async def test_a_database_that_was_restored_is_read_whole(what: str, kept: RecentRankings, pool: Pool) -> None:
    await submit(pool, ONE)
    await pool.execute(what)
    given, before, statements = await read(pool, kept)
    assert (statements > 1, before) == (True, None)
    assert given.hash() == (await anew(pool)).hash()


async def test_another_methodology_is_read_whole(kept: RecentRankings, pool: Pool) -> None:
    await submit(pool, MethodologyProposal(2025, MethodologyChange(top_n=5)))
    given, before, statements = await read(pool, kept)
    assert (statements > 1, before, given.framework.methodology.top_n) == (True, None, 5)


async def test_many_changes_are_read_whole(kept: RecentRankings, pool: Pool) -> None:
    await submit(pool, ONE)
    await pool.execute(
        """insert into submission select 2025, 2 + n, now(), 'test', null, 1, null, '' from generate_series(1, $1) n""",
        MOST_CHANGES,
    )
    await pool.execute(
        """insert into score_change
           select measure_id, city_id, 2025, 2 + n, 0, 'recorded', 0, 'recorded', null
           from (select * from score_change where edition = 2025 limit 1) one, generate_series(1, $1) n""",
        MOST_CHANGES,
    )
    given, before, statements = await read(pool, kept)
    assert (statements > 1, before) == (True, None)
    assert given.hash() == (await anew(pool)).hash()


async def test_they_are_given_up_for_newer_ones(pool: Pool) -> None:
    first = replace(await anew(pool), revision=1)
    ranked = compute(first)
    room = RecentRankings(most_bytes=10**6)
    room.keep(first, ranked)
    room.keep(replace(first, edition=2024), ranked)
    assert (await read(pool, room))[1] is not None
    narrow = RecentRankings(most_bytes=10**6 // 5)
    narrow.keep(first, ranked)
    assert (await read(pool, narrow))[1] is not None
    narrow.keep(replace(first, edition=2024), ranked)
    assert (await read(pool, narrow))[1] is None
