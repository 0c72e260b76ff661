"""What was printed against what is computed."""

from db.change import submission
from db.change.score_proposal import ScoreChange, ScoreProposal
from db.postgres.pool import Pool, transaction
from db.ranking import verify
from db.ranking.verify import Difference
from tests.conftest import Recompute


async def test_every_printed_row_of_both_years_is_reproduced(pool: Pool) -> None:
    report = await verify.verify(pool, None)
    assert (report.editions, report.line_count, report.differences) == ((2024, 2025), 250, ())
    assert [(await verify.verify(pool, year)).line_count for year in (2024, 2025)] == [168, 82]


async def test_a_changed_score_is_found(pool: Pool, recompute: Recompute) -> None:
    proposal = ScoreProposal(2025, [ScoreChange("krefeld", "payment", 0.0, None)])
    async with transaction(pool) as writer:
        await submission.submit(writer, proposal, "test", None)
    await recompute()
    found = {(d.city, d.code, d.figure): d for d in (await verify.verify(pool, 2025)).differences}
    score = found["krefeld", "administration", "score"]
    assert (score.printed, score.computed) == (93.5, 587.2 / 735 * 100)
    assert found["krefeld", "overall", "rank"] == Difference(2025, "krefeld", "overall", "rank", 41, 50)
    assert found["krefeld", "overall", "tendency"] == Difference(2025, "krefeld", "overall", "tendency", 2, -7)
