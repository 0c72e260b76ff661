"""What one worker child owns: an event loop, a Postgres pool and a Redis client, all made after the fork."""

import asyncio
import gc
import os
from collections.abc import Coroutine
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, TypeVar

from celery import signals

from db import tracing
from db.postgres.pool import Pool, close, create_pool
from db.redis import RedisClient, connect_redis
from db.settings import Settings
from workers import metrics
from workers.app import settings
from workers.recompute import MOST_CONNECTIONS_AT_ONCE, Recomputer

T = TypeVar("T")


@dataclass
class Runtime:
    """A loop that runs one coroutine at a time, and the clients that live on it."""

    runner: asyncio.Runner
    pool: Pool
    redis: RedisClient
    recomputer: Recomputer

    @classmethod
    def start(cls, settings: Settings) -> "Runtime":
        """Connect; raises when Postgres does not answer."""
        assert settings.database_url is not None
        tracing.start(settings, "worker")
        runner = asyncio.Runner()
        # A transaction stays open while a ranking is computed.
        longest = max(settings.statement_timeout_seconds, settings.task_time_limit_seconds)
        pool = runner.run(
            create_pool(settings.database_url, settings, "worker", longest, at_least=MOST_CONNECTIONS_AT_ONCE)
        )
        redis = connect_redis(settings)
        # What is loaded stays: looking through it for garbage takes longer than a ranking.
        gc.collect()
        gc.freeze()
        return cls(runner, pool, redis, Recomputer(pool, redis, settings))

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The coroutine's result."""
        # A runner without a context goes on with that of its first task, and with its trace id.
        return self.runner.run(coroutine, context=copy_context())

    def stop(self) -> None:
        """Close the clients and the loop."""
        self.run(self.redis.aclose())
        self.run(close(self.pool))
        self.runner.close()
        tracing.stop()


_runtimes: list[Runtime] = []


def current() -> Runtime:
    """This child's runtime, started with its first task: a late Postgres fails the task, not the child."""
    if not _runtimes:
        _runtimes.append(Runtime.start(settings))
    return _runtimes[0]


@signals.worker_process_shutdown.connect
def _stop(**_: Any) -> None:
    while _runtimes:
        _runtimes.pop().stop()
    metrics.forget_process(os.getpid())
