"""Clocks that jump a day ahead and a day back while a process runs."""

import os
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.faults.installation import Installation
from tests.faults.test_killed import submit

JUMPS = ("+1d", "-1d", "+0")


def faked(clock: Path) -> dict[str, str]:
    """The environment of a process whose wall clock is shifted by what *clock* says, read anew each time."""
    spec = find_spec("libfaketime")
    assert spec is not None
    assert spec.origin is not None
    library = Path(spec.origin).parent / "vendor/libfaketime/src/libfaketime.so.1"
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def test_a_clock_is_shifted(tmp_path: Path) -> None:
    (tmp_path / "clock").write_text("+1d")
    command = [sys.executable, "-c", "import time; print(time.time())"]
    printed = subprocess.run(
        command, env={**os.environ, **faked(tmp_path / "clock")}, capture_output=True, text=True, check=True
    )
    assert float(printed.stdout) - time.time() == pytest.approx(86_400, abs=60)


@pytest.mark.parametrize("name", ["worker", "relay"])
async def test_rankings_follow_all_the_same(name: str, system: Installation, tmp_path: Path) -> None:
    clock = tmp_path / "clock"
    clock.write_text("+0")
    system.environment[name] = faked(clock)
    await system.kill(name)
    await system.start(name)
    for value, jump in enumerate(JUMPS):
        clock.write_text(jump)
        await submit(system, value)
        await system.until_ranked()
    del system.environment[name]
    await system.kill(name)
