"""One installation for all faults, healed before each; and the table of what was measured."""

import time
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from tests.faults.installation import Installation, installation

MEASURED: list[tuple[str, str]] = []


@pytest_asyncio.fixture(scope="session")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installation]:
    async with installation(tmp_path_factory.mktemp("f")) as system:
        yield system


@pytest_asyncio.fixture
async def system(shared: Installation) -> Installation:
    """A whole installation that a test may hurt."""
    await shared.heal()
    return shared


@pytest.fixture
def is_long(request: pytest.FixtureRequest) -> bool:
    """Whether the run is the long one."""
    return bool(request.config.getoption("--long"))


@pytest.fixture
def measured() -> Callable[[str, str], None]:
    """Notes a figure for the table that a long run prints."""
    return lambda what, figure: MEASURED.append((what, figure))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.getoption("--long") and MEASURED:
        terminalreporter.section(f"measured {time.strftime('%Y-%m-%d')}")
        for what, figure in MEASURED:
            terminalreporter.write_line(f"| {what} | {figure} |")
