"""What is behind, parked, waiting and silent, as the status says it."""

from db.change import submission
from db.change.score_proposal import ScoreChange, ScoreProposal
from db.postgres.pool import Pool, transaction
from db.ranking import status
from tests.conftest import Recompute

ATTEMPTS = 5


async def test_nothing_waits_once_all_is_ranked(pool: Pool, recompute: Recompute) -> None:
    await recompute()
    await pool.execute("delete from outbox")
    found = await status.read(pool, ATTEMPTS)
    assert (found.outbox_size, found.outbox_age_seconds, found.pending_proposals) == (0, 0, 0)
    assert {each.year: (each.behind_seconds, each.is_parked) for each in found.editions if each.ranked_revision} == {
        2024: (0, False),
        2025: (0, False),
    }
    assert found.table_bytes["score"] > 0


async def test_a_change_is_behind_until_it_is_ranked_and_parked_when_it_cannot_be(pool: Pool) -> None:
    # The rows of the load are as old as the run.
    await pool.execute("delete from outbox")
    change = ScoreChange("krefeld", "payment", 12.0, "made up")
    async with transaction(pool) as writer:
        await submission.submit(writer, ScoreProposal(2025, [change]), "test", None)
    await pool.execute("update submission set submitted_at = submitted_at - interval '1 hour' where revision = 2")
    await pool.execute("update outbox set appended_at = appended_at - interval '1 hour'")
    found = await status.read(pool, ATTEMPTS)
    [edition] = [each for each in found.editions if each.year == 2025]
    assert (edition.revision, edition.ranked_revision, edition.is_parked) == (2, 1, False)
    assert 3600 <= edition.behind_seconds < 3700
    assert found.outbox_size >= 1
    assert 3600 <= found.outbox_age_seconds < 3700
    await pool.execute("delete from recomputation")
    await pool.execute("insert into recomputation (edition, revision, attempts) values (2025, 2, $1)", ATTEMPTS)
    [edition] = [each for each in (await status.read(pool, ATTEMPTS)).editions if each.year == 2025]
    assert edition.is_parked


async def test_who_is_silent_for_a_day_is_forgotten(pool: Pool) -> None:
    await status.beat(pool, "worker", "one")
    await status.beat(pool, "relay", "two")
    await status.beat(pool, "relay", "two")
    await pool.execute("update heartbeat set beat_at = beat_at - interval '2 hours' where role = 'worker'")
    found = await status.read(pool, ATTEMPTS)
    assert [(each.role, each.host, each.age_seconds // 3600) for each in found.heartbeats] == [
        ("relay", "two", 0),
        ("worker", "one", 2),
    ]
    await pool.execute("update heartbeat set beat_at = beat_at - interval '2 days' where role = 'worker'")
    await status.forget_silent(pool)
    assert [each.role for each in (await status.read(pool, ATTEMPTS)).heartbeats] == ["relay"]
