"""Starts child processes in order, keeps them alive, and ends them in reverse."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from db.local import log
from db.local.process import GRACE_SECONDS, Child, Process, cancel

FIRST_DELAY_SECONDS = 0.2
LONGEST_DELAY_SECONDS = 5.0
SETTLED_SECONDS = 30.0
DEATHS = 5
POLL_SECONDS = 0.1
LOG_POLL_SECONDS = 10.0


class ChildError(Exception):
    """A child that does not stay alive; the message ends in its last words."""


@dataclass
class _Supervised:
    """A child, its present process, and the loop times of its last deaths."""

    process: Process
    deaths: deque[float] = field(default_factory=lambda: deque(maxlen=DEATHS))
    delay_seconds: float = FIRST_DELAY_SECONDS
    restarts: int = 0


class Supervisor:
    """The children of one command; *say* gets a line for each restart.

    Use it from the main thread: Linux ends a child with the thread that started it.
    """

    def __init__(
        self,
        say: Callable[[str], None],
        *,
        grace_seconds: float = GRACE_SECONDS,
        log_limit_bytes: int = log.LIMIT_BYTES,
        log_poll_seconds: float = LOG_POLL_SECONDS,
    ) -> None:
        self._say = say
        self._grace_seconds = grace_seconds
        self._log_limit_bytes = log_limit_bytes
        self._log_poll_seconds = log_poll_seconds
        self._children: list[_Supervised] = []
        self._keepers: list[asyncio.Task[None]] = []
        self._failed: asyncio.Future[None] = asyncio.Future()

    async def run(self, begin: Coroutine[Any, Any, None], stop: asyncio.Event) -> None:
        """Run *begin*, which starts the children, and keep them until *stop* is set; then end them.

        Raises what *begin* raises, and ChildError, when every child has ended; *stop* cancels a *begin* that
        is still under way.
        """
        begun, stopped = asyncio.create_task(begin), asyncio.create_task(stop.wait())
        rotating = asyncio.create_task(self._rotate_logs())
        waiting: set[asyncio.Future[Any]] = {begun, stopped, rotating, self._failed}
        try:
            while not stopped.done():
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for each in done:
                    each.result()
        finally:
            await cancel(begun, stopped, rotating)
            await self._end()

    async def start(self, child: Child) -> None:
        """Start *child* and return once it is ready.

        LocalError when it ends before: a first start is not tried again, since a person waits for it.
        """
        if child.prepare:
            await child.prepare()
        supervised = _Supervised(Process(child))
        self._children.append(supervised)
        await supervised.process.ready()
        keeper = asyncio.create_task(self._keep(supervised))
        keeper.add_done_callback(self._report)
        self._keepers.append(keeper)

    def kill(self) -> None:
        """SIGKILL to all children, for the person who does not want to wait for `run` to end them."""
        for supervised in self._children:
            supervised.process.kill()

    async def _keep(self, supervised: _Supervised) -> None:
        loop, child = asyncio.get_running_loop(), supervised.process.child
        while True:
            began = loop.time()
            how = await supervised.process.end(POLL_SECONDS)
            _count(supervised, began, loop.time(), how)
            await asyncio.sleep(supervised.delay_seconds)
            supervised.delay_seconds = min(supervised.delay_seconds * 2, LONGEST_DELAY_SECONDS)
            if child.prepare:
                await child.prepare()
            supervised.process = Process(child)
            supervised.restarts += 1
            self._say(f"{child.name} ended with {how}; restarted ({supervised.restarts})")

    async def _rotate_logs(self) -> None:
        while True:
            await asyncio.sleep(self._log_poll_seconds)
            for supervised in self._children:
                try:
                    log.rotate(supervised.process.child.log, self._log_limit_bytes)
                except OSError as error:
                    self._say(f"cannot rotate {supervised.process.child.log}: {error.strerror}")

    def _report(self, keeper: asyncio.Task[None]) -> None:
        if not keeper.cancelled() and not self._failed.done() and (error := keeper.exception()):
            self._failed.set_exception(error)

    async def _end(self) -> None:
        await cancel(*self._keepers, self._failed)
        try:
            for supervised in reversed(self._children):
                await supervised.process.stop(self._grace_seconds)
        finally:
            self.kill()


def _count(supervised: _Supervised, began: float, now: float, how: str) -> None:
    """Note a death; ChildError for the last of too many."""
    supervised.deaths.append(now)
    if now - began >= SETTLED_SECONDS:
        supervised.delay_seconds = FIRST_DELAY_SECONDS
    if len(supervised.deaths) == DEATHS and now - supervised.deaths[0] <= SETTLED_SECONDS:
        raise ChildError(
            f"{supervised.process.child.name} ended {DEATHS} times within {SETTLED_SECONDS:.0f} seconds, "
            f"at last with {how}{supervised.process.last_words()}"
        )
