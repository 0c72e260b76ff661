"""The checks that read the source: lint, format, types, direction of imports, pinned versions."""

import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TOOLS = {
    "lint": ["ruff", "check", "--output-format", "concise", "."],
    "format": ["ruff", "format", "--check", "."],
    "types": ["mypy"],
    "imports": ["lint-imports", "--no-cache"],
}


@pytest.mark.parametrize("tool", TOOLS)
def test_source_passes(tool: str) -> None:
    program, *arguments = TOOLS[tool]
    run = subprocess.run(
        [Path(sys.executable).with_name(program), *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    output = run.stdout + run.stderr
    assert run.returncode == 0, f"{output}\n{tool}: {_first_finding(output)}"


def test_what_is_installed_is_what_is_pinned() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    pins = dict(pin.split("==") for pin in settings["tool"]["uv"]["constraint-dependencies"])
    installed = {_name(found.metadata["Name"]): found.version for found in metadata.distributions()}
    del installed[settings["project"]["name"]]
    assert installed == {name: version for name, version in pins.items() if name in installed}


def test_no_lock_file_is_committed() -> None:
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert not [name for name in files if Path(name).name in ("uv.lock", "package-lock.json", "yarn.lock")]


def _name(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _first_finding(output: str) -> str:
    """The line of a tool's output that names a file and a rule."""
    lines = output.splitlines()
    named = [line for line in lines if re.search(r"\.py:\d+|Would reformat|BROKEN", line)]
    return next(iter(named or lines[-1:]), "no output")
