"""What a Postgres whose parent was killed may leave: itself, still running, or its postmaster.pid."""

import asyncio
import os
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

from db.local.directory import LocalError, is_claimed

TAKEOVER_SECONDS = 60
POLL_SECONDS = 0.02


def orphan_of(data_dir: Path) -> int | None:
    """The number of a Postgres process that runs on *data_dir* though nobody has claimed it; None without one."""
    home = data_dir.resolve() / "postgres"
    pid = _recorded(home)
    if pid is None or not _alive(pid) or not _serves(pid, home) or is_claimed(data_dir):
        return None
    return pid


async def end_orphan(home: Path) -> None:
    """Leave *home* such that a server can start: whoever calls this has the data directory to itself."""
    pid = _recorded(home)
    if pid is None or not _alive(pid):
        return
    if not _serves(pid, home):
        _disown(home)
        return
    try:
        async with asyncio.timeout(TAKEOVER_SECONDS):
            await _stop(pid, home)
    except TimeoutError as error:
        raise LocalError(f"an earlier Postgres, process {pid}, does not stop: end it first") from error


async def _stop(pid: int, home: Path) -> None:
    """Fast shutdown: sessions of other commands are ended, nothing is lost."""
    os.kill(pid, signal.SIGINT)
    while _alive(pid) and _serves(pid, home):
        await asyncio.sleep(POLL_SECONDS)


def _recorded(home: Path) -> int | None:
    try:
        return abs(int((home / "postmaster.pid").read_text().split("\n")[0]))
    except (FileNotFoundError, ValueError):
        return None


def _disown(home: Path) -> None:
    """Write our number in place of a stranger's that has been given the same.

    Postgres would not start as long as the stranger lives. It takes its parent's number as stale, and then
    still looks by the rest of the file for processes that use the old shared memory: hence not deleted.
    """
    path = home / "postmaster.pid"
    with suppress(FileNotFoundError):
        path.write_text("\n".join([str(os.getpid()), *path.read_text().split("\n")[1:]]))


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _serves(pid: int, home: Path) -> bool:
    """Whether *pid* is a Postgres that was started on *home* by us, as its command line tells."""
    return f"/postgres -D {home} -c " in _command_line(pid)


def _command_line(pid: int) -> str:
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
    except FileNotFoundError:
        # No such process, or no /proc (macOS); a slim Linux may lack ps.
        if not (ps := shutil.which("ps")):
            return ""
        command = [ps, "-ww", "-o", "command=", "-p", str(pid)]
        line = subprocess.run(command, stdout=subprocess.PIPE, check=False).stdout  # noqa: S603
    return os.fsdecode(line)
