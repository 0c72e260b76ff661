"""Where editions stand, asked at every change and by every process."""

from db.index import edition
from db.postgres.pool import Pool


async def test_no_process_reads_all_changes_to_know_whether_there_are_any(pool: Pool) -> None:
    plan = "\n".join(row[0] for row in await pool.fetch(f"explain {edition.STATES}"))
    assert "score_change_submission" in plan
    assert "Seq Scan on score_change" not in plan
