"""The launcher, with the real servers it launches."""

import asyncio
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from db.local import Child, InUseError, LocalError, claim, database, database_url, log, redis_url, running, servers
from db.local.directory import sockets
from db.settings import Settings

FAST = {"fsync": "off"}

# A command that starts both servers, says so, and waits to be ended.
STARTER = """
import asyncio, sys
from pathlib import Path
from db.local import servers

if len(sys.argv) > 2:
    sys.platform = sys.argv[2]

async def main():
    async with servers(Path(sys.argv[1]), postgres_options={"fsync": "off"}):
        print("ready", flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


async def _ask(data_dir: Path, query: str) -> object:
    connection = await asyncpg.connect(database_url(data_dir))
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def _redis(data_dir: Path, command: str) -> str:
    path = redis_url(data_dir).removeprefix("unix://").removesuffix("?db=0")
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(command.encode() + b"\r\n")
    answer = await reader.readline()
    if answer.startswith(b"$") and answer != b"$-1\r\n":
        answer = await reader.readline()
    writer.close()
    return answer.decode().strip()


def _postmaster(data_dir: Path) -> int:
    return int((data_dir / "postgres/postmaster.pid").read_text().split("\n")[0])


def _refuses(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return True
    return False


async def _until_refused(path: Path) -> None:
    async with asyncio.timeout(10):
        while not _refuses(path):
            await asyncio.sleep(0.01)


@contextmanager
def _starter(data_dir: Path, *, elsewhere: bool = False) -> Iterator[subprocess.Popen[str]]:
    """A process that runs both servers; *elsewhere* it takes this machine for one that is not Linux."""
    command = [sys.executable, "-c", STARTER, str(data_dir), *(["darwin"] if elsewhere else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline() == "ready\n"
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def _stranger() -> Iterator[subprocess.Popen[bytes]]:
    # Of Postgres's own user: a process that it may not signal it takes for a stranger by itself.
    user = "nobody" if os.geteuid() == 0 else None
    with subprocess.Popen(["/bin/sleep", "60"], user=user) as process:
        try:
            yield process
        finally:
            process.kill()


async def test_data_is_kept_and_two_directories_run_side_by_side(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    async with servers(first, postgres_options=FAST):
        await _ask(first, "create table kept as select 7 as number")
        assert await _redis(first, "SET kept 7") == "+OK"
        async with servers(second, postgres_options=FAST):
            assert await _ask(second, "select to_regclass('kept')") is None
            assert await _redis(second, "GET kept") == "$-1"
            assert await _ask(first, "show fsync") == "off"
    async with servers(first, postgres_options=FAST):
        assert await _ask(first, "select number from kept") == 7
        assert await _redis(first, "GET kept") == "7"
        assert await _ask(first, "show listen_addresses") == ""
        pid = _postmaster(first)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_path_too_long_or_too_odd_for_a_socket(tmp_path: Path) -> None:
    data_dir = tmp_path / ("long" * 25) / "with, a 'quote' % and ü"
    async with servers(data_dir, postgres_options=FAST):
        assert sockets(data_dir).parent == Path("/tmp")
        assert sockets(data_dir).stat().st_mode & 0o777 == 0o700
        assert await _ask(data_dir, "select current_database()") == "sci"
        assert await _redis(data_dir, "PING") == "+PONG"
    assert not sockets(data_dir).exists()


async def test_a_socket_directory_of_somebody_else_is_refused(tmp_path: Path) -> None:
    data_dir = tmp_path / ("long" * 25)
    squatted = sockets(data_dir)
    squatted.symlink_to(tmp_path)
    try:
        with pytest.raises(LocalError, match="is not a directory of this user"):
            database_url(data_dir)
    finally:
        squatted.unlink()


async def test_what_cannot_be_a_data_directory_is_named(tmp_path: Path) -> None:
    occupied = tmp_path / "file"
    occupied.touch()
    with pytest.raises(LocalError, match=f"cannot use {occupied} as a directory"), claim(occupied):
        pass
    with pytest.raises(LocalError, match="Not a directory"), claim(occupied / "below"):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
async def test_a_data_directory_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    os.seteuid(65534)
    try:
        with pytest.raises(LocalError, match=f"{tmp_path}.*Permission denied"), claim(tmp_path):
            pass
    finally:
        os.seteuid(0)


async def test_data_of_another_major_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres/PG_VERSION").write_text("17\n")
    with pytest.raises(LocalError, match="holds data of PostgreSQL 17, this installation runs 18"):
        async with servers(tmp_path, want=["postgres"]):
            pass


async def test_a_server_that_does_not_start_leaves_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match=r"(?s)postgres did not start.*exit status 1.*invalid value.*max_conn"):
        async with servers(tmp_path, want=["postgres"], postgres_options={**FAST, "max_connections": "none"}):
            pass


async def test_damaged_files_are_told_with_the_way_out(tmp_path: Path) -> None:
    async with servers(tmp_path, postgres_options=FAST):
        await _redis(tmp_path, "SET kept 7")
    [appended] = (tmp_path / "redis/appendonlydir").glob("*.incr.aof")
    appended.write_bytes(b"*1\r\nnonsense")
    with pytest.raises(LocalError) as error:
        async with servers(tmp_path, want=["redis"]):
            pass
    told = str(error.value).splitlines()
    assert "Bad file format" in told[-3]
    assert told[-1].startswith(f"  If its files are damaged, delete {tmp_path}/redis: Redis holds nothing")
    shutil.rmtree(tmp_path / "redis")
    async with servers(tmp_path, want=["redis"]):
        assert await _redis(tmp_path, "GET kept") == "$-1"
    (tmp_path / "postgres/global/pg_control").write_bytes(b"")
    with pytest.raises(LocalError, match=r"(?s)ended with SIGABRT\n[^\n]*PANIC.*`sci restore` puts a backup"):
        async with servers(tmp_path, want=["postgres"], postgres_options=FAST):
            pass


async def test_a_killed_starter_leaves_nothing_and_a_live_one_is_named(tmp_path: Path) -> None:
    with _starter(tmp_path) as starter:
        with pytest.raises(InUseError, match=f"in use by process {starter.pid}:"):
            async with servers(tmp_path):
                pass
        async with database(Settings(data_dir=tmp_path)) as joined:
            assert joined == database_url(tmp_path)
        assert await _ask(tmp_path, "select 1") == 1
        starter.kill()
        starter.wait()
        if sys.platform == "linux":
            await _until_refused(sockets(tmp_path) / "redis.sock")
            await _until_refused(sockets(tmp_path) / ".s.PGSQL.5432")
        async with servers(tmp_path, postgres_options=FAST):
            assert await _ask(tmp_path, "select 1") == 1
            assert await _redis(tmp_path, "PING") == "+PONG"


async def test_orphans_are_taken_over(tmp_path: Path) -> None:
    async with servers(tmp_path, postgres_options=FAST):
        await _redis(tmp_path, "SET kept 7")
        before = _postmaster(tmp_path)
        # The lock is gone and the servers are not, as where the kernel does not end them with their parent.
        (tmp_path / "lock").rename(tmp_path / "lock.old")
        async with servers(tmp_path, postgres_options=FAST):
            assert _postmaster(tmp_path) != before
            assert await _ask(tmp_path, "select 1") == 1
            assert await _redis(tmp_path, "GET kept") == "7"


async def test_a_stranger_with_the_number_of_an_old_postmaster_is_left_alone(tmp_path: Path) -> None:
    async with servers(tmp_path, want=["postgres"], postgres_options=FAST):
        record = (tmp_path / "postgres/postmaster.pid").read_text().split("\n")
    with _stranger() as stranger:
        (tmp_path / "postgres/postmaster.pid").write_text("\n".join([str(stranger.pid), *record[1:]]))
        async with servers(tmp_path, want=["postgres"], postgres_options=FAST):
            assert await _ask(tmp_path, "select 1") == 1
        assert stranger.poll() is None


async def test_a_killed_postmaster_starts_again(tmp_path: Path) -> None:
    async with servers(tmp_path, want=["postgres"], postgres_options=FAST):
        await _ask(tmp_path, "create table kept as select 7 as number")
        os.kill(_postmaster(tmp_path), signal.SIGKILL)
    async with servers(tmp_path, want=["postgres"], postgres_options=FAST):
        assert await _ask(tmp_path, "select number from kept") == 7


async def test_a_command_starts_the_database_and_waits_for_those_who_joined(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    joined, leave = asyncio.Event(), asyncio.Event()

    async def join() -> object:
        async with database(settings) as url:
            connection = await asyncpg.connect(url)
            joined.set()
            await leave.wait()
            number = await connection.fetchval("select 7")
            await connection.close()
            return number

    async def start() -> asyncio.Task[object]:
        async with database(settings):
            guest = asyncio.create_task(join())
            await joined.wait()
            return guest

    starter = asyncio.create_task(start())
    await joined.wait()
    await asyncio.sleep(0.2)
    assert not starter.done()
    leave.set()
    assert await (await starter) == 7
    assert _refuses(sockets(tmp_path) / ".s.PGSQL.5432")


async def test_a_named_database_is_used_as_it_is(tmp_path: Path) -> None:
    settings = Settings(database_url="postgresql://elsewhere/sci", data_dir=tmp_path / "unused")
    async with database(settings) as url:
        assert url == "postgresql://elsewhere/sci"
    assert not settings.data_dir.exists()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A new folder that every user can reach."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="as another user Postgres runs as that user")
async def test_without_setpriv_postgres_runs_as_nobody_too(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(open_folder))
    data_dir = open_folder / "data"
    try:
        async with servers(data_dir, postgres_options=FAST):
            assert await _ask(data_dir, "select 1") == 1
            pid = _postmaster(data_dir)
            assert _user(pid) == pwd.getpwnam("nobody").pw_uid
    except LocalError as error:
        # Where only root reaches the program, that is said.
        assert re.search(r"user \d+ cannot run .*/initdb \(Permission denied\): do not run this as root", str(error))
        pytest.skip(f"only root reaches the installed Postgres: {error}")
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_where_the_kernel_tells_no_child_both_servers_end_with_a_killed_starter(tmp_path: Path) -> None:
    with _starter(tmp_path, elsewhere=True) as starter:
        assert await _ask(tmp_path, "select 1") == 1
        starter.kill()
        starter.wait()
        await _until_refused(sockets(tmp_path) / "redis.sock")
        await _until_refused(sockets(tmp_path) / ".s.PGSQL.5432")
    async with servers(tmp_path, postgres_options=FAST):
        assert await _ask(tmp_path, "select 1") == 1


async def test_where_the_kernel_tells_no_child_nothing_is_left_of_one_that_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    before = _descriptors()
    async with running(Child("sleep", ["/bin/sleep", "60"], tmp_path / "log")) as process:
        async with asyncio.timeout(10):
            while len(members := _group(process.pid)) != 2 or b"sleep" not in _command(process.pid):
                await asyncio.sleep(0.01)
    async with asyncio.timeout(10):
        while any(_command(member) for member in members):
            await asyncio.sleep(0.01)
    assert _descriptors() == before


def _user(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _group(leader: int) -> list[int]:
    found = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid for pid in found if _group_of(pid) == leader and b"sleep" in _command(pid)]


def _group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None


def _command(pid: int) -> bytes:
    """The command line of a process; nothing of one that has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_a_log_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "api.log"
    with path.open("ab") as child:
        for number in range(10):
            child.write(f"{number}".encode() * 100 + b"\n")
            child.flush()
            log.rotate(path, limit_bytes=150)
    assert [file.name for file in sorted(tmp_path.iterdir())] == ["api.log", "api.log.1", "api.log.2", "api.log.3"]
    assert sorted(set("".join(file.read_text() for file in tmp_path.iterdir())) - {"\n"}) == list("456789")
    assert all(file.stat().st_size <= 202 for file in tmp_path.iterdir())


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("one\n\ntwo\n", ["one", "two"]),
        (
            "before\nTraceback (most recent call last):\n  File x, line 1\n    raise A\nA: first\n\n"
            "During handling of the above exception, another exception occurred:\n\n"
            "Traceback (most recent call last):\n  File y\nB: second\n",
            ["before", "A: first", "B: second"],
        ),
        (
            "Bad file\n=== REDIS BUG REPORT START: Cut\n---- STACK\n=== REDIS BUG REPORT END.\nafter",
            ["Bad file", "after"],
        ),
        ('{"event": "no", "exception": "Traceback\\n  File\\nE: why"}\n{not json', ["no: E: why", "{not json"]),
    ],
)
def test_last_words_have_no_backtrace_and_name_the_log(tmp_path: Path, written: str, words: list[str]) -> None:
    path = tmp_path / "log"
    path.write_text("an earlier run\n" + written)
    said = log.last_words(path, len("an earlier run\n"))
    assert said == "".join(f"\n  {line}" for line in [*words, f"The log is {path}"])
