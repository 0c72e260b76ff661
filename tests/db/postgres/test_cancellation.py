"""A loop that has been cancelled ends, whatever its calls make of the cancellation."""

import asyncio
from contextlib import suppress

import pytest

from db.postgres import cancellation


async def test_a_lost_cancellation_ends_the_loop() -> None:
    started = asyncio.Event()

    async def run() -> None:
        while True:
            started.set()
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(60)
            cancellation.raise_if_cancelled()

    running = asyncio.create_task(run())
    await started.wait()
    running.cancel()
    async with asyncio.timeout(5):
        with pytest.raises(asyncio.CancelledError):
            await running
