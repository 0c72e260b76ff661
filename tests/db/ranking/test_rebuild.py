"""Every stored ranking again from the audit trail, and what an audit trail gives away."""

from dataclasses import replace
from typing import Any

import pytest

from db.change import submission
from db.change.member_proposal import MemberProposal
from db.change.methodology_proposal import MethodologyChange, MethodologyProposal, WeightChange
from db.change.proposal import Proposal
from db.change.score_proposal import ScoreChange, ScoreProposal
from db.composite.framework import Aggregation
from db.dataset import dataset, load
from db.postgres.pool import Pool, transaction
from db.ranking import inputs, ranking, rebuild
from db.ranking.rebuild import Difference
from tests.conftest import BUNDLED, Recompute


async def submit(pool: Pool, proposal: Proposal) -> None:
    async with transaction(pool) as writer:
        await submission.submit(writer, proposal, "test", None)


async def report(pool: Pool, year: int | None = None) -> rebuild.Report:
    async with transaction(pool, "repeatable_read") as reader:
        return await rebuild.rebuild(reader, year)


def weights(**changed: float) -> MethodologyProposal:
    return MethodologyProposal(2025, MethodologyChange([WeightChange(*item) for item in changed.items()]))


async def test_whatever_happened_every_ranking_is_rebuilt(pool: Pool, recompute: Recompute) -> None:
    bundled = dataset.read(BUNDLED)
    facts = bundled.editions[2023].published
    facts[0] = replace(facts[0], rank=1)
    changes: list[Any] = [
        ScoreProposal(2025, [ScoreChange("krefeld", "payment", 7.0, None), ScoreChange("bonn", "payment", None, None)]),
        weights(mobility=2.5, payment=0.0),
        ScoreProposal(2024, [ScoreChange("aachen", "mobility", 99.0, "s")]),
        MethodologyProposal(2024, MethodologyChange(top_n=5, aggregation=Aggregation.GEOMETRIC_MEAN)),
        MemberProposal(2025, "made-up", 100_001, "Made Up", "Nowhere"),
        ScoreProposal(2025, [ScoreChange("made-up", "mobility", 50.0, None)]),
        bundled,
        ScoreProposal(2025, [ScoreChange("krefeld", "payment", 100.0, None)]),
    ]
    bundled.editions[2025].members["made-up"] = 100_001
    bundled.cities["made-up"] = replace(bundled.cities["bonn"], slug="made-up")
    for change in changes:
        if isinstance(change, Proposal):
            await submit(pool, change)
        else:
            await load.load(pool, change)
        await recompute()
    found = await report(pool)
    assert (found.skipped, found.differences) == ((), ())
    assert [key for key in found.rebuilt if key[0] == 2024] == [(2024, revision) for revision in range(1, 5)]
    assert [key for key in found.rebuilt if key[0] == 2025] == [(2025, revision) for revision in range(1, 10)]
    hashes = await pool.fetch("select distinct input_hash from ranking where edition = 2025")
    assert len(hashes) == 9


async def test_a_score_that_was_changed_without_an_audit_is_found(pool: Pool, recompute: Recompute) -> None:
    await pool.execute(
        """update score set value = 1 from measure m, city c
           where m.id = measure_id and c.id = city_id and m.edition = 2025 and m.code = 'payment' and c.slug = 'bonn'"""
    )
    await submit(pool, ScoreProposal(2025, [ScoreChange("krefeld", "payment", 7.0, None)]))
    await recompute()
    assert (await report(pool)).differences == (Difference(2025, 2, "inputs"),)
    assert (await report(pool, 2024)).differences == ()


async def test_a_stored_figure_that_was_changed_is_found(pool: Pool) -> None:
    await pool.execute(
        "update ranking_column set score[3] = score[3] + 1e-12 where edition = 2025 and code = 'mobility'"
    )
    assert (await report(pool)).differences == (Difference(2025, 1, "figures"),)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        # Another hash, ranks that were exact, and the rounding of another numpy.
        ("update ranking set input_hash = 'another' where edition = 2025", None),
        ("update ranking_column set rank[3] = rank[3] + 1 where edition = 2025 and code = 'mobility'", None),
        ("update ranking_column set score[3] = score[3] + 1e-12 where edition = 2025 and code = 'mobility'", None),
        ("update ranking_column set score[3] = score[3] + 1e-6 where edition = 2025 and code = 'mobility'", "figures"),
        ("update score_change set new_value = 1 where edition = 2025 and new_value = 100", "figures"),
    ],
)
@pytest.mark.parametrize("version", ["basis - 'version'", 'basis || \'{"version": "1, numpy 1.0"}\'::jsonb'])
async def test_another_version_is_compared_by_scores(version: str, change: str, what: str | None, pool: Pool) -> None:
    await pool.execute(f"update ranking set basis = {version} where edition = 2025")
    await pool.execute(change)
    assert [difference.what for difference in (await report(pool)).differences] == ([] if what is None else [what])


async def test_a_ranking_of_an_older_version_is_skipped(pool: Pool) -> None:
    await pool.execute("update ranking set basis = null where edition = 2024")
    found = await report(pool)
    assert (found.rebuilt, found.skipped) == (((2025, 1),), ((2024, 1),))


@pytest.mark.parametrize("year", [2023, 1999])
async def test_what_has_no_ranking_is_named(year: int, pool: Pool) -> None:
    with pytest.raises(LookupError, match=f"edition {year} has no ranking"):
        await report(pool, year)


async def test_inputs_read_again_are_those_that_were_read(pool: Pool) -> None:
    async with transaction(pool, "repeatable_read") as reader:
        now = await inputs.read(reader, 2025, 1)
        again = await inputs.read_again(reader, 2025, 1, now.basis)
        [stored] = await ranking.by_key(reader, [(2025, 1)])
    assert stored is not None
    assert now.hash() == again.hash() == stored.input_hash
    assert stored.basis == now.basis
    assert now.basis.rankings == {2024: 1}
