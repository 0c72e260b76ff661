"""A whole system as a user starts it: `sci up` in a process of its own, reached through its doors."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from tests.paths import node

READY_SECONDS = 90
RANKED_SECONDS = 30
STOP_SECONDS = 60
SETTINGS = ("DATABASE_URL", "REDIS_URL", "SCI_")
SUBMIT = """mutation($input: SubmitScoresInput!) { submitScores(input: $input) {
  submission { id revision } errors { code message } } }"""


def environment(**settings: str) -> dict[str, str]:
    """This process's environment without settings of ours, and *settings*."""
    return {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)} | settings


@dataclass
class Finished:
    """How a command ended and what it printed."""

    status: int
    output: str
    errors: str


async def sci(*arguments: str | Path, **settings: str) -> Finished:
    """Run a `sci` command to its end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "api.cli.main", *map(str, arguments),
        env=environment(**settings), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(READY_SECONDS):
        output, errors = await process.communicate()
    assert process.returncode is not None
    return Finished(process.returncode, output.decode(), errors.decode())


@dataclass
class System:
    """A running `sci up`: its process, its address and every line that it printed."""

    process: asyncio.subprocess.Process
    data_dir: Path
    lines: list[str] = field(default_factory=list)
    url: str = ""

    async def until(self, word: str) -> str:
        """The next line that contains *word*."""
        assert self.process.stdout is not None
        async with asyncio.timeout(READY_SECONDS):
            while line := (await self.process.stdout.readline()).decode().strip():
                self.lines.append(line)
                if word in line:
                    return line
        raise AssertionError(f"ended without {word!r}: {self.lines}")

    async def query(self, query: str, variables: dict[str, Any] | None = None, token: str | None = None) -> Any:
        """The data of an operation that succeeds."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        async with httpx2.AsyncClient(base_url=self.url, timeout=30) as client:
            response = await client.post("graphql", json={"query": query, "variables": variables}, headers=headers)
        answer = response.json()
        assert "errors" not in answer, answer
        return answer["data"]

    async def token(self, *arguments: str) -> str:
        """An admin's token unless *arguments* say whose, from the command that users have."""
        printed = await sci("token", "--data-dir", self.data_dir, *arguments)
        assert printed.status == 0, printed
        return printed.output.splitlines()[-1]

    async def submit(self, value: float, token: str, city: str = "krefeld") -> Any:
        """A submission that sets the city's Payment indicator."""
        scores = [{"city": city, "measure": "payment", "value": value}]
        payload = (await self.query(SUBMIT, {"input": {"edition": 2025, "scores": scores}}, token))["submitScores"]
        assert payload["errors"] == []
        return payload["submission"]

    async def ranked(self, submission_id: str) -> int:
        """The revision of the first ranking with a submission, once there is one."""
        query = "query($id: ID!) { submission(id: $id) { status ranking { revision } } }"
        async with asyncio.timeout(RANKED_SECONDS):
            while (found := (await self.query(query, {"id": submission_id}))["submission"])["status"] != "RANKED":
                assert found == {"status": "ACCEPTED", "ranking": None}
                await asyncio.sleep(0.05)
        revision: int = found["ranking"]["revision"]
        return revision

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it as a user does, and see that nothing of it is left."""
        started = descendants(self.process.pid)
        self.process.send_signal(number)
        assert self.process.stdout is not None
        async with asyncio.timeout(STOP_SECONDS):
            rest = (await self.process.stdout.read()).decode().splitlines()
        assert (await self.process.wait(), rest[-1:]) == (0, ["stopped"]), rest
        assert [pid for pid in started if is_running(pid)] == []
        assert processes_of(self.data_dir) == []


@asynccontextmanager
async def up(
    data_dir: Path,
    *arguments: str | Path,
    python: str | Path = sys.executable,
    folder: str | Path = ".",
    **settings: str,
) -> AsyncIterator[System]:
    """A system that is ready; it is stopped at the end unless the test has done so."""
    async with starting(data_dir, *arguments, python=python, folder=folder, **settings) as system:
        system.url = (await system.until("ready after")).split()[-1]
        await system.until("to stop")
        yield system
        if system.process.returncode is None:
            await system.stop()


@asynccontextmanager
async def starting(
    data_dir: Path,
    *arguments: str | Path,
    python: str | Path = sys.executable,
    folder: str | Path = ".",
    **settings: str,
) -> AsyncIterator[System]:
    """A system that was just started; it is killed at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        python, "-m", "api.cli.main", "up", "--port", "0", "--data-dir", str(data_dir), *map(str, arguments),
        cwd=folder, env=environment(**settings), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        yield System(process, data_dir)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def processes_of(data_dir: Path) -> list[str]:
    """The command lines of the processes that have *data_dir* in their command line or environment."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                told = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
                if os.fsencode(data_dir) + b"/" in told or os.fsencode(data_dir) + b"\0" in told:
                    found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


def descendants(pid: int) -> list[int]:
    """The processes that *pid* has started, and those that they have."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found[1:]


def is_running(pid: int) -> bool:
    """Whether there is such a process; one that ended and waits for its parent to notice is not running."""
    fields = _stat(pid)
    return bool(fields) and fields[0] != "Z"


def _stat(pid: int) -> list[str]:
    """State, parent and more of a process, nothing of none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


@pytest_asyncio.fixture(scope="session")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """One system for the tests that only need one to be there."""
    async with up(tmp_path_factory.mktemp("system")) as system:
        yield system


@pytest_asyncio.fixture(scope="session")
async def npm() -> Path:
    """A folder with the scripts and the packages that they need."""
    return await node.install()
