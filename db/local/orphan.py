"""What is left of a Postgres whose parent was killed: the process itself, or its file postmaster.pid."""

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
    """End a Postgres that still runs on *home*, or put aside its file, so that a new one can start.

    The caller has the data directory to itself.
    """
    pid = _recorded(home)
    if pid is None or not _alive(pid):
        return
    if not _serves(pid, home):
        _replace_number(home)
        return
    try:
        async with asyncio.timeout(TAKEOVER_SECONDS):
            await _stop(pid, home)
    except TimeoutError as error:
        raise LocalError(f"an earlier Postgres, process {pid}, does not stop: end it first") from error


async def _stop(pid: int, home: Path) -> None:
    """Ask for a fast shutdown, which ends the sessions of other commands and loses nothing, and wait for it."""
    os.kill(pid, signal.SIGINT)
    while _alive(pid) and _serves(pid, home):
        await asyncio.sleep(POLL_SECONDS)


def _recorded(home: Path) -> int | None:
    try:
        return abs(int((home / "postmaster.pid").read_text().split("\n")[0]))
    except (FileNotFoundError, ValueError):
        return None


def _replace_number(home: Path) -> None:
    """Write this process's number in place of that of a stranger, who got the number of the old Postgres.

    Postgres would not start as long as the stranger lives, and takes its parent's number as stale. The file is not
    deleted, because by the rest of it Postgres looks for processes that use the old shared memory.
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
