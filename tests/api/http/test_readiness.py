"""What `/readyz` says, how soon, and what asking costs."""

import asyncio
import re
import time

from db.ranking import status
from tests.conftest import Api, watching


async def ready(api: Api) -> tuple[int, str]:
    answer = await api.client.get("/readyz")
    return answer.status_code, answer.text


async def test_it_names_the_workers_and_relays_that_are_not_seen(api: Api) -> None:
    await asyncio.sleep(1.1)
    await status.beat(api.service.pool, "worker", "here")
    code, text = await ready(api)
    assert (code, text) == (200, "ready\nno relay has been seen: no newer ranking follows\n")
    await status.beat(api.service.pool, "relay", "here")
    await api.service.pool.execute("update heartbeat set beat_at = now() - interval '60 seconds' where role = 'worker'")
    await asyncio.sleep(1.1)
    assert re.fullmatch(r"ready\nno worker has been seen for 6\d s: no newer ranking follows\n", (await ready(api))[1])
    await status.beat(api.service.pool, "worker", "here")
    await asyncio.sleep(1.1)
    assert await ready(api) == (200, "ready\n")


async def test_it_names_the_editions_that_have_no_ranking(api: Api) -> None:
    await api.service.pool.execute("delete from ranking_column")
    await api.service.pool.execute("delete from ranking")
    waits = [f"edition {year} has no ranking yet: it waits for a worker\n" for year in (2024, 2025)]
    assert await ready(api) == (503, f"not ready\n{''.join(waits)}")


async def test_asking_often_asks_postgres_no_more_often(api: Api) -> None:
    await ready(api)
    await asyncio.sleep(1.1)
    async with watching(api) as statements:
        await asyncio.gather(*(ready(api) for _ in range(200)))
    # The process itself polls in the same time.
    assert statements.containing("from heartbeat") == 1


async def test_while_postgres_is_frozen_it_answers_within_two_seconds(api: Api) -> None:
    """A lock that is held keeps the statement waiting as a frozen server does, until the lock timeout."""
    assert (await ready(api))[0] == 200
    await asyncio.sleep(1.1)
    async with api.service.pool.acquire() as holder, holder.transaction():
        await holder.execute("lock table edition in access exclusive mode")
        for most_seconds in (2, 0.5, 0.5):
            started = time.monotonic()
            code, text = await ready(api)
            assert time.monotonic() - started < most_seconds
            assert code == 503
            assert text.startswith("not ready\npostgres has not answered for ")
        async with asyncio.timeout(1):
            await asyncio.gather(*(ready(api) for _ in range(50)))
    async with asyncio.timeout(5):
        while (await ready(api))[0] != 200:
            await asyncio.sleep(0.05)
