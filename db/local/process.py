"""One child process: started so that it cannot outlive its parent, and stopped for good."""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from db.local import log, tie
from db.local.directory import LocalError

GRACE_SECONDS = 15.0
POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Child:
    """What to run, and how to know that it is ready.

    *prepare* runs before every start, *ready* returns once the child serves. Without *environment* the child
    has its parent's. Output is appended to *log*. *way_out* is a line for the person whose child does not start.
    """

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    pass_fds: tuple[int, ...] = ()
    prepare: Callable[[], Awaitable[None]] | None = None
    ready: Callable[[], Awaitable[object]] | None = None
    ready_seconds: float = 60
    way_out: str = ""


class Process:
    """A started child, leader of a session of its own: the terminal's Ctrl-C does not reach it.

    Start it from a thread that lives as long as the child should, because Linux ends it with that thread.
    """

    def __init__(self, child: Child) -> None:
        self.child = child
        self._outcome: str | None = None
        self._writing_end: int | None = None
        try:
            child.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            log.rotate(child.log)
            with child.log.open("ab") as output:
                self._log_start = output.tell()
                self._popen = self._start(output)
        except OSError as error:
            raise LocalError(f"{child.name} did not start: {error}") from error

    def _start(self, output: BinaryIO) -> subprocess.Popen[bytes]:
        child = self.child
        if tie.kernel_can():
            return _popen(child, tie.by_kernel(child.command, child.stop_signal), output, child.pass_fds)
        reading_end, self._writing_end = os.pipe()
        try:
            command = tie.by_pipe(child.command, child.stop_signal, reading_end)
            return _popen(child, command, output, (*child.pass_fds, reading_end))
        finally:
            os.close(reading_end)

    @property
    def pid(self) -> int:
        """The process number of the child itself."""
        return self._popen.pid

    def outcome(self) -> str | None:
        """How it ended, "SIGKILL" or "exit status 1"; None while it runs.

        What is left of its process group is killed as soon as the end is seen: later the number of the group
        may be another's.
        """
        if self._outcome is None and (status := self._popen.poll()) is not None:
            self._kill_group()
            if self._writing_end is not None:
                os.close(self._writing_end)
            self._outcome = signal.Signals(-status).name if status < 0 else f"exit status {status}"
        return self._outcome

    async def end(self, poll_seconds: float = POLL_SECONDS) -> str:
        """How it ended, once it has ended."""
        # Polled, because a wait by the loop or a thread would tie the process to the loop that started it.
        while (outcome := self.outcome()) is None:
            await asyncio.sleep(poll_seconds)
        return outcome

    async def ready(self) -> None:
        """Wait until it serves; LocalError with its last words when it ends first, or takes too long."""
        if self.child.ready is None:
            return
        seconds = self.child.ready_seconds
        ready = asyncio.ensure_future(self.child.ready())
        end = asyncio.create_task(self.end())
        try:
            await asyncio.wait({ready, end}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if ready.done():
                ready.result()
                return
        finally:
            await cancel(ready, end)
        how = f"ended with {self._outcome}" if self._outcome else f"was not ready after {seconds:.0f} s"
        way_out = f"\n  {self.child.way_out}" if self.child.way_out else ""
        raise LocalError(f"{self.child.name} did not start: it {how}{self.last_words()}{way_out}")

    async def stop(self, grace_seconds: float = GRACE_SECONDS) -> None:
        """Ask it to end, then kill its whole process group; also when this is cancelled."""
        try:
            self._popen.send_signal(self.child.stop_signal)
            with suppress(TimeoutError):
                async with asyncio.timeout(grace_seconds):
                    await self.end()
        finally:
            self.kill()
            self._popen.wait()

    def kill(self) -> None:
        """SIGKILL to its process group, which holds only what it started itself."""
        if self.outcome() is None:
            self._kill_group()

    def _kill_group(self) -> None:
        # macOS answers EPERM for a group of which only an unreaped process is left.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def last_words(self) -> str:
        """The last lines it wrote in this run, each after a line feed and indented."""
        return log.last_words(self.child.log, self._log_start)


@asynccontextmanager
async def running(child: Child) -> AsyncIterator[Process]:
    """*child*, ready, for the time of the block."""
    if child.prepare:
        await child.prepare()
    process = Process(child)
    try:
        await process.ready()
        yield process
    finally:
        await process.stop()


async def cancel(*tasks: asyncio.Future[Any]) -> None:
    """Cancel *tasks* and wait for their end, whatever it is."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _popen(child: Child, command: list[str], output: BinaryIO, pass_fds: Sequence[int]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 (no shell, and the command is ours)
        command,
        env=child.environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        pass_fds=pass_fds,
    )
