"""Inputs kept between rankings: those that are recorded, to the bit, for one statement."""

from dataclasses import replace
from random import Random

import pytest
from asyncpg.connection import LoggedQuery

from db import edition, inputs, submission
from db.inputs import Inputs, newest_basis
from db.kept_inputs import MOST_CHANGES, KeptInputs
from db.methodology_proposal import MethodologyChange, MethodologyProposal
from db.pool import Pool, transaction
from db.proposal import Proposal
from db.score_proposal import ScoreChange, ScoreProposal

ONE = ScoreProposal(2025, [ScoreChange("krefeld", "payment", 7.0, None)])


async def submit(pool: Pool, proposal: Proposal) -> None:
    async with transaction(pool) as writer:
        await submission.submit(writer, proposal, "test", None)


async def anew(pool: Pool) -> Inputs:
    async with transaction(pool, "repeatable_read") as reader:
        return await inputs.read(reader, 2025, 0)


async def read(pool: Pool, kept: KeptInputs) -> tuple[Inputs, int]:
    """What *kept* gives now, and with how many statements."""
    statements: list[LoggedQuery] = []
    async with transaction(pool, "repeatable_read") as reader:
        states = await edition.states(reader)
        with reader.query_logger(statements.append):
            given = await kept.read(reader, 2025, states[-1].revision, newest_basis(states, 2025))
    return given, len(statements)


@pytest.fixture
async def kept(pool: Pool) -> KeptInputs:
    """With the inputs of the ranking that is stored."""
    kept, first = KeptInputs(), replace(await anew(pool), revision=1)
    kept.keep(first, first.hash())
    return kept


@pytest.mark.parametrize("seed", range(3))
async def test_they_are_those_that_are_recorded(seed: int, kept: KeptInputs, pool: Pool) -> None:
    draw = Random(seed)
    for _ in range(10):
        places = draw.sample([(city, code) for city in ("krefeld", "bonn") for code in ("payment", "mobility")], 2)
        scores = [ScoreChange(*place, draw.choice([None, 0.0, 50.0, 100.0]), None) for place in places]
        await submit(pool, ScoreProposal(2025, scores))
        given, statements = await read(pool, kept)
        assert (given.hash(), statements) == ((await anew(pool)).hash(), 1)


@pytest.mark.parametrize(
    "what",
    [
        "update ranking set input_hash = 'another' where edition = 2025",
        "delete from ranking where edition = 2025",
    ],
)
async def test_a_database_that_was_restored_is_read_whole(what: str, kept: KeptInputs, pool: Pool) -> None:
    await submit(pool, ONE)
    await pool.execute(what)
    given, statements = await read(pool, kept)
    assert statements > 1
    assert given.hash() == (await anew(pool)).hash()


async def test_another_methodology_is_read_whole(kept: KeptInputs, pool: Pool) -> None:
    await submit(pool, MethodologyProposal(2025, MethodologyChange(top_n=5)))
    given, statements = await read(pool, kept)
    assert (statements > 1, given.framework.methodology.top_n) == (True, 5)


async def test_many_changes_are_read_whole(kept: KeptInputs, pool: Pool) -> None:
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
    given, statements = await read(pool, kept)
    assert statements > 1
    assert given.hash() == (await anew(pool)).hash()


async def test_they_are_given_up_for_newer_ones(pool: Pool) -> None:
    first = await anew(pool)
    kept = KeptInputs(first.values.nbytes + first.statuses.nbytes)
    kept.keep(replace(first, revision=1), first.hash())
    assert (await read(pool, kept))[1] == 1
    kept.keep(replace(first, edition=2024), first.hash())
    assert (await read(pool, kept))[1] > 1
