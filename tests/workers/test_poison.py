"""An edition that cannot be computed is parked, blocks nobody, and is ranked once its inputs change."""

from typing import Any

import pytest

from db.index import edition
from db.postgres.pool import AWAY, Pool, connect, create_pool, transaction
from db.ranking import attempt, rebuild
from db.settings import Settings
from tests.conftest import Api, Recompute, rank_all
from tests.workers.test_recompute import stored, submit

POISON = """update definition set cities = cities || 'ghost'::text, populations = populations || null::integer
  where edition = 2024"""
CURE = """update definition set cities = array_remove(cities, 'ghost'),
  populations = populations[:array_length(populations, 1) - 1] where edition = 2024"""
RECOMPUTATION = """{ edition(year: 2024) { recomputation { status attempts attemptedAt %s } }
  other: edition(year: 2025) { recomputation { status attempts } } }"""
RETRY = """mutation { retryRecomputation(input: {edition: 2024}) {
  edition { recomputation { status attempts } } errors { code path } } }"""


@pytest.fixture
async def parked(pool: Pool, recompute: Recompute) -> None:
    """2024 has a change and a poison, and was tried five times."""
    await submit(pool, 2024, "mobility", 1)
    await pool.execute(POISON)
    for _ in range(7):
        await recompute()


async def test_others_are_ranked_at_once(pool: Pool, recompute: Recompute) -> None:
    await submit(pool, 2024, "mobility", 1)
    await pool.execute(POISON)
    await recompute()
    assert await stored(pool) == [(2024, 1), (2025, 1), (2025, 2)]
    [attempts] = await attempt.by_edition(pool, [2024])
    assert attempts is not None
    assert (attempts.revision, attempts.attempts, attempts.error) == (2, 1, "KeyError: 'ghost'")


async def test_a_parked_edition_is_tried_again_when_its_inputs_change(
    parked: None, pool: Pool, recompute: Recompute
) -> None:
    [attempts] = await attempt.by_edition(pool, [2024])
    assert attempts is not None
    assert attempts.attempts == 5
    assert await stored(pool) == [(2024, 1), (2025, 1), (2025, 2)]
    await pool.execute(CURE)
    await recompute()
    assert await stored(pool) == [(2024, 1), (2025, 1), (2025, 2)]
    await submit(pool, 2024, "mobility", 2)
    await recompute()
    assert (await stored(pool))[-3:] == [(2025, 1), (2025, 2), (2025, 3)]
    assert (2024, 3) in await stored(pool)
    assert await attempt.by_edition(pool, [2024]) == [None]


async def test_an_admin_has_it_tried_again_and_later_editions_follow(
    parked: None, api: Api, pool: Pool, recompute: Recompute
) -> None:
    await pool.execute(CURE)
    payload = (await api.data(RETRY, token=api.token()))["retryRecomputation"]
    assert payload == {"edition": {"recomputation": {"status": "PENDING", "attempts": 0}}, "errors": []}
    assert await pool.fetchval("select count(*) from outbox where edition = 2024") >= 1
    await recompute()
    # 2025 had been compared with the older ranking of 2024, so it is ranked once more.
    await recompute()
    assert await stored(pool) == [(2024, 1), (2024, 2), (2025, 1), (2025, 2), (2025, 3)]
    assert not any(state.is_outdated for state in await edition.states(pool))
    async with transaction(pool, "repeatable_read") as reader:
        assert (await rebuild.rebuild(reader, None)).differences == ()
    await api.service.live.refresh()
    found = await api.data(RECOMPUTATION % "")
    assert found["edition"]["recomputation"] == {"status": "CURRENT", "attempts": 0, "attemptedAt": None}


async def test_it_is_seen_by_everyone_and_its_error_by_admins(parked: None, api: Api) -> None:
    status = (await api.data(RECOMPUTATION % "error", token=api.token()))["edition"]["recomputation"]
    assert (status["status"], status["attempts"], status["error"]) == ("PARKED", 5, "KeyError: 'ghost'")
    hidden: Any = await api.post(RECOMPUTATION % "error")
    assert hidden["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    found = await api.data(RECOMPUTATION % "")
    assert found["edition"]["recomputation"]["status"] == "PARKED"
    assert found["other"]["recomputation"] == {"status": "CURRENT", "attempts": 0}
    assert (await api.client.get("/readyz")).status_code == 200


async def test_a_first_ranking_that_cannot_be_does_not_keep_a_process_from_being_ready(
    pool: Pool, api: Api, recompute: Recompute
) -> None:
    await submit(pool, 2022, "mobility", 1)
    await pool.execute(POISON.replace("2024", "2022"))
    assert (await api.client.get("/readyz")).status_code == 503
    for _ in range(5):
        await recompute()
    assert (await api.client.get("/readyz")).status_code == 200


async def test_what_postgres_ends_is_not_counted(pool: Pool, settings: Settings, recompute: Recompute) -> None:
    await submit(pool, 2024, "mobility", 1)
    database = await pool.fetchval("select current_database()")
    await pool.execute(f"alter database {database} set default_transaction_read_only = on")
    await pool.expire_connections()
    with pytest.raises(AWAY):
        await recompute()
    assert settings.database_url is not None
    writer = await connect(settings.database_url, server_settings={"default_transaction_read_only": "off"})
    await writer.execute(f"alter database {database} set default_transaction_read_only = off")
    await writer.close()
    await pool.expire_connections()
    assert await attempt.by_edition(pool, [2024]) == [None]
    await recompute()
    assert (await stored(pool))[1] == (2024, 2)


async def test_an_edition_that_takes_too_long_blocks_nobody(pool: Pool, settings: Settings) -> None:
    await submit(pool, 2024, "mobility", 1)
    await pool.execute(
        """create function slow() returns trigger language plpgsql as
           $$ begin perform pg_sleep(30); return new; end $$;
           create trigger slow before insert on ranking for each row when (new.edition = 2024)
           execute function slow()"""
    )
    assert settings.database_url is not None
    hurried = await create_pool(settings.database_url, settings, "test", 4)
    await rank_all(settings, hurried)
    await hurried.close()
    assert await stored(pool) == [(2024, 1), (2025, 1), (2025, 2)]
    [attempts] = await attempt.by_edition(pool, [2024])
    assert attempts is not None
    assert attempts.error == "QueryCanceledError: canceling statement due to statement timeout"
