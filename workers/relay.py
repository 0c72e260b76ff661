"""Hands requests for rankings from the outbox to Celery, and asks again for every edition left behind."""

import asyncio
import signal
import socket
import time
from contextlib import suppress

from kombu.exceptions import OperationalError

from db import telemetry, tracing
from db.change import outbox, publication
from db.change.outbox import Request
from db.index import edition
from db.postgres import cancellation
from db.postgres.pool import AWAY as POSTGRES_AWAY
from db.postgres.pool import Connection, Pool, close, connect, create_pool, transaction
from db.ranking import event, status, uncertainty
from db.redis import REDIS_AWAY, EvictionError, RedisClient, check_eviction, connect_redis, queue_length
from db.settings import Settings
from workers import metrics
from workers.app import ANALYSE, CANARY, QUEUE, RECOMPUTE, app, settings

log = telemetry.logger(__name__)

CLAIM_LIMIT = 1_000
RETRY_SECONDS = 0.5
MOST_WAITING = 100
# An edition that is due and not published waits for its first ranking.
OVERDUE_SECONDS = 0.25
# Changes that come faster than they are claimed are ranked together; single ones never wait.
BURST_SECONDS = 0.25


class Relay:
    """Wakes by notification or timer; several may run at once."""

    def __init__(self, settings: Settings, pool: Pool, redis: RedisClient) -> None:
        self.settings = settings
        self.pool = pool
        self.redis = redis
        self._woken = asyncio.Event()
        self._sweep_at = 0.0

    async def run(self) -> None:
        """Relay until cancelled; a lost Postgres or Redis is retried for ever.

        Raises `EvictionError` for a Redis that may throw tasks away.
        """
        while True:
            try:
                await self._listen()
            except (*POSTGRES_AWAY, *REDIS_AWAY, OperationalError) as error:
                log.warning("postgres or redis is away", error=repr(error))
            cancellation.raise_if_cancelled()
            await asyncio.sleep(RETRY_SECONDS)

    async def _listen(self) -> None:
        assert self.settings.database_url is not None
        await check_eviction(self.redis)
        connection = await connect(self.settings.database_url, timeout=self.settings.lock_timeout_seconds)
        try:
            await connection.add_listener(outbox.CHANNEL, lambda *_: self._woken.set())
            while True:
                await self._publish_due()
                await self._drain()
                if time.monotonic() >= self._sweep_at:
                    await self._sweep()
                cancellation.raise_if_cancelled()
                await self._wait(connection)
        finally:
            await connection.close(timeout=1)

    async def _wait(self, connection: Connection) -> None:
        """Until a notification, the next sweep or publication; a silent connection is proved alive first."""
        to_publication = await publication.seconds_to_next(self.pool)
        seconds = self._sweep_at - time.monotonic()
        if to_publication is not None:
            seconds = min(seconds, max(to_publication, OVERDUE_SECONDS))
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._woken.wait()
        except TimeoutError:
            await connection.execute("select", timeout=self.settings.lock_timeout_seconds)
        self._woken.clear()

    async def _publish_due(self) -> None:
        """Publish every edition whose instant has come, and tell; who misses that finds it with the next poll."""
        for year in await publication.due(self.pool):
            async with transaction(self.pool) as writer:
                is_published = await publication.publish_due(writer, year)
            if is_published:
                log.info("edition published", edition=year)
                with suppress(*REDIS_AWAY):
                    await event.publish(self.redis, event.EditionPublished(year))

    async def _drain(self) -> None:
        """Send what is asked for, once an edition; requests that cannot be sent stay in the outbox."""
        while True:
            async with transaction(self.pool) as writer:
                requests = await outbox.claim(writer, CLAIM_LIMIT)
                newest = _newest_by_task(requests)
                for (task, argument), request in newest.items():
                    await self._send(task, argument, request.trace_id, parent=request.traceparent)
            if len(requests) > len(newest):
                await asyncio.sleep(BURST_SECONDS)
            if len(requests) < CLAIM_LIMIT:
                return

    async def _sweep(self) -> None:
        """Ask again for what is behind or unfinished: a message may have been lost.

        Not while many wait for a worker, which may be away for long.
        """
        self._sweep_at = time.monotonic() + self.settings.stale_seconds
        await self._report()
        if await queue_length(self.redis, QUEUE) > MOST_WAITING:
            return
        await self._send(CANARY)
        for state in await edition.states(self.pool):
            if state.is_outdated or state.is_due(self.settings.task_attempts):
                await self._send(RECOMPUTE, state.year, None)
        for id_ in await uncertainty.unfinished(self.pool):
            await self._send(ANALYSE, id_, None)

    async def _report(self) -> None:
        """Show what stands where, say that this relay works, and have a worker say the same."""
        await status.beat(self.pool, "relay", socket.gethostname())
        await status.forget_silent(self.pool)
        metrics.show(await status.read(self.pool, self.settings.task_attempts))

    async def _send(self, task: str, *arguments: int | str | None, parent: str | None = None) -> None:
        if parent is None:
            await self._publish(task, arguments, None)
            return
        names = {"messaging.system": "redis", "messaging.destination.name": QUEUE, "messaging.operation.type": "send"}
        with tracing.span(f"send {task}", "producer", parent, names):
            await self._publish(task, arguments, tracing.traceparent())

    async def _publish(self, task: str, arguments: tuple[int | str | None, ...], traceparent: str | None) -> None:
        await asyncio.to_thread(
            app.send_task,
            task,
            args=list(arguments),
            headers={} if traceparent is None else {"traceparent": traceparent},
            # No `expires`: it is an instant, and a worker whose clock is ahead would throw every task away.
            retry=False,
        )


def _newest_by_task(requests: list[Request]) -> dict[tuple[str, int], Request]:
    """The last request for each task, by the task's name and argument: one message serves all of them."""
    newest: dict[tuple[str, int], Request] = {}
    for request in requests:
        task = (RECOMPUTE, request.edition) if request.uncertainty is None else (ANALYSE, request.uncertainty)
        newest[task] = request
    return newest


async def main() -> None:
    """Relay until SIGTERM or SIGINT: an interrupted claim rolls back and is claimed again."""
    telemetry.configure(settings)
    if settings.database_url is None:
        raise SystemExit("DATABASE_URL is not set")
    metrics.serve(settings.metrics_port)
    tracing.start(settings, "relay")
    relaying = asyncio.create_task(_relay(settings.database_url))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, relaying.cancel)
    with suppress(asyncio.CancelledError):
        await relaying


async def _relay(database_url: str) -> None:
    pool = await create_pool(database_url, settings, "relay")
    redis = connect_redis(settings)
    log.info("relay ready")
    try:
        await Relay(settings, pool, redis).run()
    except EvictionError as error:
        raise SystemExit(str(error)) from error
    finally:
        await redis.aclose()
        await close(pool)
        tracing.stop()


if __name__ == "__main__":
    asyncio.run(main())
