"""Real services for every test: one Postgres and one Redis a run, a database a test, a real HTTP server.

The template database holds the bundled data with its rankings; a test's database is a copy of it.
"""

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from asyncpg.connection import LoggedQuery

from api.access.token import Role, installation_tokens
from api.app import Service
from api.server import Server, configuration
from db import local
from db.dataset import dataset, load
from db.postgres import migrate
from db.postgres.pool import Pool, connect, create_pool
from db.redis import connect_redis
from db.settings import OFF, Settings
from workers.recompute import Recomputer

BUNDLED = Path(load.__file__).parents[1] / "data"
SLOW_FILES = (
    "tests/paths/", "tests/faults/", "tests/test_compose.py", "tests/workers/", "tests/db/test_local.py",
    "tests/api/access/", "tests/api/cli/", "test_fuzz.py", "test_plan.py", "test_hostile.py",
)  # fmt: skip
TOKEN_SECRET = "made up for tests, made up for tests"

_numbers = itertools.count(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="Hurt the system longer and more often; see tests/faults.")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow whatever has a database of its own, and the files that take several seconds."""
    for item in items:
        has_own_database = {"settings", "empty_settings"} & set(getattr(item, "fixturenames", ()))
        if has_own_database or any(name in item.nodeid for name in SLOW_FILES):
            item.add_marker(pytest.mark.slow)


@pytest_asyncio.fixture(scope="session")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path]:
    """The data dir of this run's Postgres and Redis."""
    data_dir = tmp_path_factory.mktemp("servers")
    async with local.servers(data_dir, postgres_options={"fsync": "off", "max_connections": "300"}):
        yield data_dir


@pytest_asyncio.fixture(scope="session")
async def template(servers: Path) -> str:
    """Name of a database with the bundled data and its rankings."""
    url = await create_database(servers, "template0", "template_sci")
    await migrate.apply(url)
    settings = _settings(servers, url)
    pool = await create_pool(url, settings, "test")
    await load.load(pool, dataset.read(BUNDLED))
    await rank_all(settings, pool)
    await pool.close()
    return "template_sci"


@pytest_asyncio.fixture
async def settings(servers: Path, template: str) -> Settings:
    """Settings of an installation of this test's own: bundled data, ranked."""
    return _settings(servers, await create_database(servers, template))


@pytest_asyncio.fixture
async def empty_settings(servers: Path) -> Settings:
    """Settings of an installation whose database is migrated and empty."""
    url = await create_database(servers, "template0")
    await migrate.apply(url)
    return _settings(servers, url)


@pytest_asyncio.fixture
async def pool(settings: Settings) -> AsyncIterator[Pool]:
    """A pool on this test's database."""
    assert settings.database_url is not None
    pool = await create_pool(settings.database_url, settings, "test")
    yield pool
    await pool.close()


@dataclass
class Api:
    """A running HTTP server and a client of it."""

    url: str
    service: Service
    client: httpx2.AsyncClient

    async def post(self, query: str, variables: dict[str, Any] | None = None, token: str | None = None) -> Any:
        """The whole answer of one operation."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        body = {"query": query, "variables": variables}
        response = await self.client.post("/graphql", json=body, headers=headers)
        return response.json()

    async def data(self, query: str, variables: dict[str, Any] | None = None, token: str | None = None) -> Any:
        """The data of an operation that succeeds."""
        answer = await self.post(query, variables, token)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def token(self, role: Role = Role.ADMIN, city: str | Sequence[str] = (), ttl_seconds: int = 60) -> str:
        """A bearer token that this server has signed itself."""
        cities = (city,) if isinstance(city, str) else city
        return installation_tokens(self.service.settings).sign(role, cities, ttl_seconds)


@asynccontextmanager
async def running_api(settings: Settings) -> AsyncIterator[Api]:
    """An API process's server, on a free port of this process."""
    service = Service(settings)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # As `sci up` has it by its event loop; with Nagle's algorithm a request takes 40 ms more.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server = Server(configuration(service, lifespan="on"), service)
        # Signals stay with the test run.
        serving = asyncio.create_task(server._serve([listener]))
        while not server.started:
            assert not serving.done(), serving.exception()
            await asyncio.sleep(0.01)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            async with httpx2.AsyncClient(base_url=url, timeout=30) as client:
                yield Api(url, service, client)
        finally:
            server.should_exit = True
            await serving


@pytest_asyncio.fixture
async def api(settings: Settings) -> AsyncIterator[Api]:
    """A server on this test's own database."""
    async with running_api(settings) as api:
        yield api


@pytest_asyncio.fixture(scope="session")
async def read_api(servers: Path, template: str) -> AsyncIterator[Api]:
    """One server for all tests that only read."""
    settings = _settings(servers, await create_database(servers, template))
    async with running_api(settings) as api:
        yield api


@dataclass
class Statements:
    """The SQL statements that a server sends to Postgres while it is watched."""

    seen: list[str]

    def containing(self, word: str) -> int:
        """How many of them contain *word*."""
        return sum(word in statement for statement in self.seen)


@asynccontextmanager
async def watching(api: Api) -> AsyncIterator[Statements]:
    """Every statement of the server's own pool, its polling included."""
    found = Statements([])
    pool = api.service.pool
    async with AsyncExitStack() as stack:
        # Connections are logged one by one, so all that the pool may hand out are taken once.
        taken = [await stack.enter_async_context(pool.acquire()) for _ in range(pool.get_max_size())]

        def log(record: LoggedQuery) -> None:
            found.seen.append(record.query)

        for connection in taken:
            connection.add_query_logger(log)
    yield found
    async with AsyncExitStack() as stack:
        for _ in range(pool.get_max_size()):
            (await stack.enter_async_context(pool.acquire())).remove_query_logger(log)


async def rank_all(settings: Settings, pool: Pool) -> None:
    """Rank everything that is stale, as the worker's task does."""
    redis = connect_redis(settings)
    await Recomputer(pool, redis, settings).bring_up_to_date(9999)
    await redis.aclose()


Recompute = Callable[[], Awaitable[None]]


@pytest_asyncio.fixture
async def recompute(settings: Settings, pool: Pool) -> AsyncIterator[Recompute]:
    """Ranks everything that is stale in this test's database, as one worker does again and again."""
    redis = connect_redis(settings)
    recomputer = Recomputer(pool, redis, settings)
    yield lambda: recomputer.bring_up_to_date(9999)
    await redis.aclose()


async def create_database(servers: Path, template: str, name: str | None = None) -> str:
    """The URL of a new database that is a copy of *template*."""
    name = name or f"test_{next(_numbers)}"
    url = local.database_url(servers)
    connection = await connect(url)
    await connection.execute(f"create database {name} template {template}")
    await connection.close()
    return url.replace("/sci?", f"/{name}?")


def _settings(servers: Path, database_url: str) -> Settings:
    return Settings(
        database_url=database_url,
        redis_url=local.redis_url(servers),
        data_dir=servers,
        token_secret=TOKEN_SECRET,
        poll_seconds=0.2,
        stale_seconds=1,
        database_pool_size=5,
        shutdown_seconds=1,
        rate_limit=OFF,
    )
