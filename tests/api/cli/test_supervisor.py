"""The supervisor, with real child processes."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest

from api.cli.supervisor import ChildError, Supervisor
from db.local import Child, LocalError, claim, postgres

FOREVER = "while :; do sleep 0.05; done"


def _child(tmp_path: Path, name: str, script: str, **options: object) -> Child:
    """A shell that says its process number, then runs *script*."""
    command = ["/bin/sh", "-c", f"echo {name} $$; {script}"]
    return Child(name, command, tmp_path / f"{name}.log", ready=_says(tmp_path, name), **options)  # type: ignore[arg-type]


def _says(tmp_path: Path, name: str) -> Callable[[], Coroutine[object, object, None]]:
    async def ready() -> None:
        while not _pids(tmp_path, name):
            await asyncio.sleep(0.01)

    return ready


def _pids(tmp_path: Path, name: str) -> list[int]:
    log = tmp_path / f"{name}.log"
    lines = log.read_text().splitlines() if log.exists() else []
    return [int(line.split()[1]) for line in lines if line.startswith(f"{name} ")]


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.01)


def _unsaid(line: str) -> None:
    raise AssertionError(line)


def _assert_gone(*pids: int) -> None:
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_a_child_that_dies_is_restarted_with_a_line(tmp_path: Path) -> None:
    said: list[str] = []
    prepared: list[int] = []
    stop = asyncio.Event()
    supervisor = Supervisor(said.append)

    async def prepare() -> None:
        prepared.append(1)

    async def begin() -> None:
        await supervisor.start(_child(tmp_path, "worker", FOREVER, prepare=prepare))
        os.kill(_pids(tmp_path, "worker")[0], signal.SIGKILL)
        await _until(lambda: len(_pids(tmp_path, "worker")) == 2)
        stop.set()

    await supervisor.run(begin(), stop)
    assert said == ["worker ended with SIGKILL; restarted (1)"]
    assert len(prepared) == 2
    _assert_gone(*_pids(tmp_path, "worker"))


async def test_a_child_that_keeps_dying_ends_all_with_its_last_words(tmp_path: Path) -> None:
    said: list[str] = []
    supervisor = Supervisor(said.append)

    async def begin() -> None:
        await supervisor.start(_child(tmp_path, "steady", FOREVER))
        await supervisor.start(_child(tmp_path, "hasty", "echo no fuel; sleep 0.1; exit 3"))

    with pytest.raises(ChildError) as error:
        await supervisor.run(begin(), asyncio.Event())
    pids = _pids(tmp_path, "hasty")
    assert str(error.value) == (
        f"hasty ended 5 times within 30 seconds, at last with exit status 3\n  hasty {pids[-1]}\n  no fuel"
        f"\n  The log is {tmp_path / 'hasty.log'}"
    )
    assert len(said) == 4
    _assert_gone(*pids, *_pids(tmp_path, "steady"))


async def test_children_end_in_reverse_each_by_its_signal(tmp_path: Path) -> None:
    order = tmp_path / "order"
    stop = asyncio.Event()
    supervisor = Supervisor(_unsaid)

    def script(name: str, signals: str) -> str:
        return f"trap 'sleep 0.1; echo {name} >> {order}; exit 0' {signals}; touch {tmp_path}/{name}.ready; {FOREVER}"

    async def begin() -> None:
        interrupted = signal.SIGINT
        await supervisor.start(_child(tmp_path, "one", script("one", "INT"), stop_signal=interrupted))
        await supervisor.start(_child(tmp_path, "two", script("two", "TERM")))
        await supervisor.start(_child(tmp_path, "three", script("three", "TERM")))
        await _until(lambda: len(list(tmp_path.glob("*.ready"))) == 3)
        stop.set()

    await supervisor.run(begin(), stop)
    assert order.read_text().split() == ["three", "two", "one"]


async def test_a_deaf_child_and_its_own_children_are_killed_after_the_grace_period(tmp_path: Path) -> None:
    stop = asyncio.Event()
    supervisor = Supervisor(_unsaid, grace_seconds=0.3)
    deaf = "trap '' TERM; sh -c 'echo deaf $$; while :; do sleep 0.05; done' & " + FOREVER

    async def begin() -> None:
        await supervisor.start(_child(tmp_path, "deaf", deaf))
        await _until(lambda: len(_pids(tmp_path, "deaf")) == 2)
        stop.set()

    began = asyncio.get_running_loop().time()
    await supervisor.run(begin(), stop)
    assert asyncio.get_running_loop().time() - began < 5
    await _until_gone(_pids(tmp_path, "deaf"))


async def test_what_a_dead_child_leaves_is_killed_before_its_restart(tmp_path: Path) -> None:
    stop = asyncio.Event()
    said: list[str] = []
    supervisor = Supervisor(said.append)
    script = f"sh -c 'echo parent $$; {FOREVER}' & {FOREVER}"

    async def begin() -> None:
        await supervisor.start(_child(tmp_path, "parent", script))
        await _until(lambda: len(_pids(tmp_path, "parent")) == 2)
        before = _pids(tmp_path, "parent")
        os.kill(before[0], signal.SIGKILL)
        await _until(lambda: bool(said))
        await _until_gone(before)
        stop.set()

    await supervisor.run(begin(), stop)


async def test_a_killed_postgres_serves_again(tmp_path: Path) -> None:
    stop = asyncio.Event()
    said: list[str] = []
    supervisor = Supervisor(said.append)
    child = postgres(tmp_path, {"fsync": "off"})

    async def begin() -> None:
        await supervisor.start(child)
        record = (tmp_path / "postgres/postmaster.pid").read_text()
        os.kill(int(record.split("\n")[0]), signal.SIGKILL)
        await _until(lambda: bool(said))
        async with asyncio.timeout(10):
            assert child.ready
            await child.ready()
        stop.set()

    with claim(tmp_path):
        await supervisor.run(begin(), stop)
    assert said == ["postgres ended with SIGKILL; restarted (1)"]


async def test_logs_of_running_children_are_rotated(tmp_path: Path) -> None:
    stop = asyncio.Event()
    supervisor = Supervisor(_unsaid, log_limit_bytes=1000, log_poll_seconds=0.02)

    async def begin() -> None:
        talker = ["/bin/sh", "-c", "while :; do echo a line of a talker; done"]
        await supervisor.start(Child("talker", talker, tmp_path / "talker.log"))
        await _until((tmp_path / "talker.log.3").exists)
        stop.set()

    await supervisor.run(begin(), stop)
    assert not (tmp_path / "talker.log.4").exists()


async def test_kill_does_not_wait_for_the_grace_period(tmp_path: Path) -> None:
    stop = asyncio.Event()
    supervisor = Supervisor(_unsaid, grace_seconds=60)

    async def begin() -> None:
        await supervisor.start(_child(tmp_path, "deaf", f"trap '' TERM; {FOREVER}"))
        stop.set()
        asyncio.get_running_loop().call_later(0.3, supervisor.kill)

    async with asyncio.timeout(10):
        await supervisor.run(begin(), stop)
    _assert_gone(*_pids(tmp_path, "deaf"))


async def test_a_child_that_ends_before_it_is_ready_is_not_tried_again(tmp_path: Path) -> None:
    supervisor = Supervisor(_unsaid)
    child = Child("api", ["/bin/sh", "-c", "echo address in use; exit 1"], tmp_path / "log", ready=asyncio.Event().wait)

    async def begin() -> None:
        await supervisor.start(_child(tmp_path, "first", FOREVER))
        await supervisor.start(child)

    with pytest.raises(LocalError) as error:
        await supervisor.run(begin(), asyncio.Event())
    words = f"\n  address in use\n  The log is {tmp_path / 'log'}"
    assert str(error.value) == f"api did not start: it ended with exit status 1{words}"
    _assert_gone(*_pids(tmp_path, "first"))


async def test_stop_during_the_start_ends_what_was_started(tmp_path: Path) -> None:
    stop = asyncio.Event()
    supervisor = Supervisor(_unsaid)

    async def never() -> None:
        stop.set()
        await asyncio.Event().wait()

    async def begin() -> None:
        await supervisor.start(_child(tmp_path, "first", FOREVER))
        await supervisor.start(Child("second", ["/bin/sleep", "60"], tmp_path / "log", ready=never))

    await supervisor.run(begin(), stop)
    _assert_gone(*_pids(tmp_path, "first"))


async def test_a_child_has_its_environment_and_descriptors(tmp_path: Path) -> None:
    read, write = os.pipe()
    stop = asyncio.Event()
    supervisor = Supervisor(_unsaid)
    code = f"import os, time; os.write({write}, os.environ['WORD'].encode()); time.sleep(60)"
    child = Child("python", [sys.executable, "-c", code], tmp_path / "log", {"WORD": "hello"}, pass_fds=(write,))

    async def begin() -> None:
        await supervisor.start(child)
        assert await asyncio.to_thread(os.read, read, 5) == b"hello"
        stop.set()

    await supervisor.run(begin(), stop)
    os.close(read)
    os.close(write)


async def _until_gone(pids: list[int]) -> None:
    """Grandchildren are reaped by init, a moment after their end, or not at all: a zombie counts as gone."""

    def running(pid: int) -> bool:
        try:
            return " Z " not in Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return False

    await _until(lambda: not any(running(pid) for pid in pids))
