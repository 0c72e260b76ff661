"""Budgets in Redis: how much each client may ask for in a while, counted in cost.

A window of a few seconds that is full again when it ends is a token bucket that is filled at intervals: unlike a
sliding one it can say exactly when to come back.
"""

import asyncio
import math
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import limits
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import FixedWindowRateLimiter

from db import telemetry
from db.redis import REDIS_AWAY, RedisClient
from db.settings import Settings

log = telemetry.logger(__name__)

# A query waits this long for a Redis that does not answer; then Redis is not asked for AWAY_SECONDS.
PATIENCE_SECONDS = 0.25
AWAY_SECONDS = 1.0
MOST_EXHAUSTED = 10_000


@dataclass(frozen=True, slots=True)
class Budget:
    """What is left of `limit` for the next `reset_seconds`."""

    limit: int
    remaining: int
    reset_seconds: int


class ExhaustedError(Exception):
    """The client has used up its budget."""

    def __init__(self, budget: Budget) -> None:
        super().__init__(f"the budget is used up; it is full again in {budget.reset_seconds} s")
        self.budget = budget


class Budgets:
    """The budgets of all clients, shared by all processes while Redis answers.

    While it does not, those who only read pass, and those who write have a budget in each process.
    """

    def __init__(self, settings: Settings, redis: RedisClient) -> None:
        self._item = limits.parse(settings.rate_limit)
        options: Any = {"key_prefix": "sci:rate", "connection_pool": redis.connection_pool}
        storage = RedisStorage("async+redis://", implementation="redispy", **options)
        self._shared = FixedWindowRateLimiter(storage)
        self._in_process = FixedWindowRateLimiter(MemoryStorage())
        self._away_until = 0.0
        self._exhausted: OrderedDict[str, float] = OrderedDict()

    def check(self, client: str) -> None:
        """Raise `ExhaustedError` for a client that is known to have nothing left, without asking Redis."""
        until = self._exhausted.get(client)
        if until is None:
            return
        if (seconds := until - time.monotonic()) > 0:
            raise ExhaustedError(Budget(self._item.amount, 0, math.ceil(seconds)))
        del self._exhausted[client]

    async def charge(self, client: str, cost: int, *, is_write: bool) -> Budget | None:
        """What a writer has left; None for a reader. Raises `ExhaustedError`."""
        if time.monotonic() >= self._away_until:
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    return await self._charge(self._shared, client, cost, is_write=is_write)
            except REDIS_AWAY as error:
                log.warning("redis is away, budgets are not shared", error=repr(error))
                self._away_until = time.monotonic() + AWAY_SECONDS
        return await self._charge(self._in_process, client, cost, is_write=True) if is_write else None

    async def _charge(
        self, limiter: FixedWindowRateLimiter, client: str, cost: int, *, is_write: bool
    ) -> Budget | None:
        is_within = await limiter.hit(self._item, client, cost=cost)
        if is_within and not is_write:
            return None
        left = await limiter.get_window_stats(self._item, client)
        seconds = max(1, math.ceil(left.reset_time - time.time()))
        if not is_within:
            self._exhausted[client] = time.monotonic() + seconds
            if len(self._exhausted) > MOST_EXHAUSTED:
                self._exhausted.popitem(last=False)
            raise ExhaustedError(Budget(self._item.amount, 0, seconds))
        return Budget(self._item.amount, left.remaining, seconds)
