"""Whether a process should be sent requests, and what is missing: asked by anyone, as often as they like."""

import asyncio
import time

from api.state.live import LiveRankings
from db.postgres.pool import AWAY
from db.ranking import status
from db.ranking.status import Heartbeat
from db.settings import Settings

# Postgres is asked once in this time however often anybody asks, a little more often until all is well.
INTERVAL_SECONDS = 1.0
UNREADY_INTERVAL_SECONDS = 0.1
# A probe that takes longer goes on, and what is known is the answer.
WAIT_SECONDS = 1.5
# A worker and a relay that is well is seen once in each poll.
MOST_MISSED_POLLS = 5
ROLES = ("worker", "relay")


class Readiness:
    """Asks Postgres at most once at a time, and answers from what the last probe saw."""

    def __init__(self, live: LiveRankings, settings: Settings) -> None:
        self._live = live
        self._silent_seconds = MOST_MISSED_POLLS * max(1, settings.poll_seconds)
        self._heartbeats: tuple[Heartbeat, ...] = ()
        self._probe: asyncio.Task[None] | None = None
        self._probed_at = 0.0

    async def report(self) -> tuple[bool, list[str]]:
        """Whether this process is ready, and a sentence for each thing that is missing; within two seconds.

        A process without a worker or relay is ready: it can read, and another process could do no more.
        """
        now = time.monotonic()
        if self._probe is None or (self._probe.done() and now - self._probed_at > self._interval_seconds()):
            self._probed_at = now
            self._probe = asyncio.create_task(self._read())
        if not self._probe.done():
            await asyncio.wait({self._probe}, timeout=max(0, self._probed_at + WAIT_SECONDS - now))
        if self._probe.done():
            self._probe.result()
        missing = self._missing()
        return not missing, missing or self._absent()

    def close(self) -> None:
        """Give up the probe that runs."""
        if self._probe is not None:
            self._probe.cancel()

    async def _read(self) -> None:
        try:
            await self._live.refresh()
            self._heartbeats = await status.heartbeats(self._live.pool)
        except AWAY:
            # `is_stale` says so until Postgres answers again.
            return

    def _interval_seconds(self) -> float:
        return UNREADY_INTERVAL_SECONDS if self._missing() else INTERVAL_SECONDS

    def _missing(self) -> list[str]:
        """What keeps the process from being ready."""
        age_seconds = self._live.age_seconds
        is_waiting = self._probe is not None and not self._probe.done()
        if self._live.is_stale or is_waiting:
            return [f"postgres has not answered for {age_seconds:.0f} s: what is in memory is read, nothing is written"]
        return [f"edition {year} has no ranking yet: it waits for a worker" for year in self._live.unranked]

    def _absent(self) -> list[str]:
        """Workers and relays that are not seen any more: rankings are read, and no newer ones follow."""
        last = {role: min((b.age_seconds for b in self._heartbeats if b.role == role), default=None) for role in ROLES}
        silent = {role: age for role, age in last.items() if age is None or age > self._silent_seconds}
        return [
            f"no {role} has been seen{'' if age is None else f' for {age:.0f} s'}: no newer ranking follows"
            for role, age in silent.items()
        ]
