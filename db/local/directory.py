"""Where an installation's own servers keep their data, logs and sockets, and who may run them."""

import fcntl
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

# Not TMPDIR: it may differ in the shell of a later command, which must find the same sockets.
SHORT = Path("/tmp")  # noqa: S108
# sockaddr_un holds 108 bytes on Linux and 104 on macOS, with the closing zero.
SOCKET_PATH_BYTES = 100
POSTGRES_SOCKET = ".s.PGSQL.5432"
REDIS_SOCKET = "redis.sock"


class LocalError(Exception):
    """Why a server of this installation cannot run, in words for the person who started it."""


class InUseError(LocalError):
    """Another process runs servers in this data directory."""


def sockets(data_dir: Path) -> Path:
    """The directory of both sockets, a function of the data directory alone.

    `<data-dir>/run`, or one under /tmp where that path is too long for a socket or holds a character that a
    connection string would read as its own. Raises LocalError when somebody else owns it.
    """
    resolved = data_dir.resolve()
    run = resolved / "run"
    if not _fits(run):
        name = hashlib.sha256(os.fsencode(resolved)).hexdigest()[:12]
        run = SHORT / f"sci-{os.geteuid()}-{name}"
        _refuse_foreign(run)
    return run


def database_url(data_dir: Path) -> str:
    """The DSN of the Postgres of *data_dir*; user, database and port are fixed."""
    # The port is named because PGPORT would stand in for it.
    return f"postgresql://sci@/sci?host={sockets(data_dir)}&port=5432"


def redis_url(data_dir: Path) -> str:
    """The URL of the Redis of *data_dir*, as redis-py reads it."""
    return f"unix://{sockets(data_dir) / REDIS_SOCKET}?db=0"


def make(path: Path) -> Path:
    """*path* as a directory, for its owner only if it is new; LocalError says why it cannot be."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise LocalError(f"cannot use {path} as a directory: {error.strerror}") from error
    return path


@contextmanager
def claim(data_dir: Path) -> Iterator[None]:
    """Make *data_dir* and keep it to this process; InUseError names the process that already does.

    The kernel releases the lock when the process ends, however it ends.
    """
    with lock_file(data_dir, "lock") as descriptor:
        _lock(descriptor, data_dir)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        run = make(sockets(data_dir))
        run.chmod(0o700)
        try:
            yield
        finally:
            with suppress(OSError):  # not empty: a server was killed, and its socket is left
                run.rmdir()


def is_claimed(data_dir: Path) -> bool:
    """Whether a process has *data_dir* to itself now."""
    try:
        with (data_dir / "lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


@contextmanager
def lock_file(data_dir: Path, name: str) -> Iterator[int]:
    """An open descriptor of a file in *data_dir*, for flock; children do not inherit it."""
    path = make(data_dir.resolve()) / name
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise LocalError(f"cannot write in the data directory {data_dir}: {error.strerror}") from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _lock(descriptor: int, data_dir: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(descriptor, 20, 0).decode().strip()
        raise InUseError(
            f"the data directory {data_dir} is in use by process {holder or '(unknown)'}: "
            "stop that one first, or name another with --data-dir"
        ) from error
    except OSError as error:
        raise LocalError(f"cannot lock the data directory {data_dir}: {error.strerror}") from error


def _fits(run: Path) -> bool:
    plain = quote(str(run), safe="/") == str(run)
    return plain and len(os.fsencode(run / POSTGRES_SOCKET)) <= SOCKET_PATH_BYTES


def _refuse_foreign(run: Path) -> None:
    """Raise LocalError for a directory of another user, since anybody may create a name under /tmp."""
    try:
        status = run.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise LocalError(f"{run} is not a directory of this user: remove it, or use a shorter --data-dir")
