"""What a running system shows of all its processes at one address."""

import asyncio
import re
import time

import httpx2

from tests.paths.conftest import System

SECONDS = 30


async def test_one_address_shows_api_worker_and_relay(system: System) -> None:
    async with httpx2.AsyncClient(base_url=system.url, timeout=30) as client, asyncio.timeout(SECONDS):
        shown: dict[str, float] = {}
        while 'sci_heartbeat_timestamp_seconds{role="worker"}' not in shown:
            await asyncio.sleep(0.1)
            text = (await client.get("metrics")).text
            shown = {name: float(value) for name, value in re.findall(r"^(sci_\S+) (\S+)$", text, re.MULTILINE)}
    # The worker's children have ranked both editions that have scores, before anybody asked.
    assert shown['sci_recomputes_total{outcome="stored"}'] >= 2
    assert shown['sci_recompute_step_seconds_count{step="store"}'] >= 2
    assert shown['sci_ranked_revision{edition="2025"}'] >= 1
    assert shown["sci_outbox_size"] == 0
    assert shown['sci_edition_parked{edition="2025"}'] == 0
    assert shown['sci_table_bytes{table="ranking_column"}'] > 0
    for role in ("worker", "relay"):
        assert 0 <= time.time() - shown[f'sci_heartbeat_timestamp_seconds{{role="{role}"}}'] < SECONDS
